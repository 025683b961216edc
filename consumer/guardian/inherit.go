//go:build unix

package guardian

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/theriac/theriac/consumer/guardian/crashtrace"
	"github.com/theriac/theriac/consumer/guardian/inflight"
	"github.com/theriac/theriac/consumer/guardian/verdict"
)

// inherit looks into the tables of children that died together with their guardian. That this
// guardian has the state directory is the proof that they are dead.
func (p *parent) inherit() error {
	if p.state == nil {
		return nil
	}
	folders, err := p.state.leftTables()
	if err != nil {
		return err
	}
	for _, folder := range folders {
		table, err := inflight.Load(filepath.Join(folder, inflight.FileName))
		switch {
		case errors.Is(err, fs.ErrNotExist): // it died before it had one
			_ = os.RemoveAll(folder)
		case err != nil:
			p.log.Error("cannot read what was in flight when an earlier guardian died; it is left there", "folder", folder, "error", err)
		default:
			p.inheritTable(table, folder)
		}
	}
	return nil
}

func (p *parent) inheritTable(table *inflight.Table, folder string) {
	a := autopsy{
		child: &child{evidence: evidence{table: table, folder: folder, trace: new(crashtrace.Trace), tail: new(crashtrace.Tail)}},
		died:  time.Now(), how: "dying together with its guardian", table: table.Read(),
	}
	a.incarnation, a.pid, a.started = a.table.Status.Incarnation, a.table.Status.PID, a.table.Status.Created
	a.role = p.roleOf(a.incarnation)
	e := a.evidenceOf(false)
	e.Exit = verdict.Exit{}
	a.Verdict = verdict.Of(e)
	if !a.table.Status.Clean.IsZero() || a.table.Status.PID == 0 {
		a.discard() // it ended in order, or was never run
		return
	}
	p.report(a)
	p.keep(a)
}

// roleOf returns the role of an incarnation, which may be one that no longer exists.
func (p *parent) roleOf(incarnation string) *role {
	for _, r := range p.roles {
		if strings.HasPrefix(incarnation, r.cfg.Name+"-") {
			return r
		}
	}
	return &role{cfg: RoleConfig{Name: "unknown"}}
}
