//go:build linux

package quarantinelite_test

import (
	"context"
	"testing"

	"github.com/theriac/theriac/internal/litekit/litekittest"
	"github.com/theriac/theriac/quarantine"
	"github.com/theriac/theriac/quarantine/quarantinelite"
)

func TestKit(t *testing.T) {
	t.Parallel()
	litekittest.Run(t, litekittest.Kit{
		Migrator: quarantinelite.Migrator, VersionTable: "quarantine_version", Kinds: quarantinelite.Kinds(),
		Open: func(ctx context.Context, path string, readOnly bool) (*litekittest.Store, error) {
			s, err := quarantinelite.Open(ctx, quarantinelite.Config{Path: path, ReadOnly: readOnly})
			if err != nil {
				return nil, err
			}
			return kitStore(s), nil
		},
	})
}

func kitStore(s *quarantinelite.Store) *litekittest.Store {
	return &litekittest.Store{
		Write: func(ctx context.Context, large bool) error {
			data := []byte("x")
			if large {
				data = make([]byte, 1<<20)
			}
			_, err := s.HoldEntries(ctx, []quarantine.NewEntry{entry("e-1", data)})
			return err
		},
		Count: func(ctx context.Context) (int, error) {
			page, err := s.EntryList(ctx, quarantine.Query{})
			return page.Total, err
		},
		Writer: quarantinelite.Writer(s), Close: s.Close,
	}
}
