//go:build unix

package guardian

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestRecent_FitsIntoAWelcome: ids are as long as broken senders make them, and a child that is not
// welcomed never serves.
func TestRecent_FitsIntoAWelcome(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, id := range map[string]string{"short": "1234.", "long": strings.Repeat("\x00", 4<<10)} {
		var r role
		for i := range 300 {
			for sub := range 10 {
				r.killedBy(fmt.Sprint("sub", sub), fmt.Sprint(id, i), now)
			}
		}
		recent := r.recent(now)
		var welcomed bytes.Buffer
		if err := writeFrame(&welcomed, frameWelcome, welcome{Culprits: recent}); err != nil || welcomed.Len() > maxCulpritsTold+1024 {
			t.Errorf("%s: %d bytes, %v", name, welcomed.Len(), err)
		}
		for sub, deaths := range recent {
			if n := len(deaths); n < 10 || deaths[n-1].ID != shortID(fmt.Sprint(id, 299)) || deaths[n-2].ID != shortID(fmt.Sprint(id, 298)) {
				t.Errorf("%s: %d culprits of %s are told, and not the last", name, n, sub)
			}
		}
	}
}
