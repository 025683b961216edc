package cli

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/theriac/theriac/cmd/internal/config"
)

// overdue is how long suspects and crash records may wait: a death is over in seconds.
const overdue = time.Minute

// suspects says whether somebody waits to run alone for too long.
func suspects(st overview) finding {
	if len(st.waiting) == 0 {
		return finding{levelOK, "suspects", "nobody waits to run alone", ""}
	}
	f := st.waiting[0]
	text := fmt.Sprintf("%s to run alone, the oldest for %s (%s, message %s of %s)", plural(len(st.waiting), "message waits", "messages wait"),
		age(f.ReportedAt, st.At), f.Crash, idOf(f.MessageID, f.IDCut), f.Subscription)
	if st.At.Sub(f.ReportedAt) <= overdue {
		return finding{levelOK, "suspects", text, ""}
	}
	return finding{levelWarn, "suspects", text,
		"see that workers of these subscriptions run and that their wards start; what the broker does not deliver again waits for ever: theriac suspects"}
}

// stateDir is where the guardian of this machine keeps what outlives a death.
func (d *doctor) stateDir() string {
	if d.state != "" {
		return d.state
	}
	return config.GuardianDir(d.settings.DataDir)
}

// deaths counts the crash records on this machine's disk that nobody has done with.
func (d *doctor) deaths() finding {
	dir := d.stateDir()
	left, old, err := countRecords(dir, d.t.now())
	switch {
	case err != nil:
		return finding{levelFail, "deaths", fmt.Sprintf("read %s: %v", dir, err), "make the directory readable for this user"}
	case old > 0:
		return finding{levelWarn, "deaths", fmt.Sprintf("%s in %s, %d of them older than a minute: not reported yet, or with suspects that wait",
			plural(left, "crash record", "crash records"), dir, old),
			"start a worker with this state directory: it reports them as soon as the store answers, and runs the suspects alone"}
	case left > 0:
		return finding{levelOK, "deaths", fmt.Sprintf("%s in %s just came", plural(left, "crash record", "crash records"), dir), ""}
	default:
		return finding{levelOK, "deaths", "no crash record is left in " + dir, ""}
	}
}

// countRecords counts crash records below a directory, and those that are overdue among them.
func countRecords(dir string, now time.Time) (left, old int, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil // done with between two looks, or never made
		}
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".crash") {
			return err
		}
		info, err := entry.Info()
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		left++
		if now.Sub(info.ModTime()) > overdue {
			old++
		}
		return nil
	})
	return left, old, err
}
