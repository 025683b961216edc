//go:build linux

package incidentlite_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidentlite"
	"github.com/theriac/theriac/internal/litekit/litekittest"
)

func TestKit(t *testing.T) {
	t.Parallel()
	litekittest.Run(t, litekittest.Kit{
		Migrator: incidentlite.Migrator, VersionTable: "incident_version", Kinds: incidentlite.Kinds(),
		Open: func(ctx context.Context, path string, readOnly bool) (*litekittest.Store, error) {
			s, err := incidentlite.Open(ctx, path, incidentlite.Options{ReadOnly: readOnly})
			if err != nil {
				return nil, err
			}
			return kitStore(s), nil
		},
	})
}

func kitStore(s *incidentlite.Store) *litekittest.Store {
	n, who := 0, rand.Text()
	return &litekittest.Store{
		Write: func(ctx context.Context, large bool) error {
			inc := newIncident(who, n)
			if large {
				inc.Summary = strings.Repeat("x", incident.MaxDocument-4096)
			}
			made, err := s.Create(ctx, inc, newEvents(who, n))
			if err != nil {
				return err
			}
			if n++; made.Number != int64(n) {
				return fmt.Errorf("%s where INC-%d was expected", made.Ref(), n)
			}
			return nil
		},
		Count: func(ctx context.Context) (int, error) {
			page, err := s.List(ctx, incident.Filter{})
			return len(page.Incidents), err
		},
		Writer: incidentlite.Writer(s), Close: s.Close,
	}
}
