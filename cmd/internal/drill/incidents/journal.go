package incidents

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os"
)

// logged is a line of the guardian's log, as far as the drill reads it.
type logged struct {
	Message string `json:"msg"`
	Role    string `json:"role"`
	Ward    int    `json:"ward"`
	PID     int    `json:"pid"`
}

// roles is what the guardian's log says: the process of each role that was started and is not known to
// have ended, which of them serve, and how many died.
type roles struct {
	started, serving, deaths map[string]int
}

func newRoles() roles { return roles{map[string]int{}, map[string]int{}, map[string]int{}} }

func (r roles) clone() roles {
	return roles{maps.Clone(r.started), maps.Clone(r.serving), maps.Clone(r.deaths)}
}

// gone notes that a process of a role is not there any more.
func (r roles) gone(role string, pid int) {
	for _, m := range []map[string]int{r.started, r.serving} {
		if m[role] == pid {
			delete(m, role)
		}
	}
}

// journal reads the guardian's log as it grows. It is used by one goroutine at a time.
type journal struct {
	file *os.File
	rest []byte // a line that is not written to its end yet
	roles
}

func openJournal(path string) (*journal, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &journal{file: file, roles: newRoles()}, nil
}

// read takes what was written since it was called last.
func (j *journal) read() (roles, error) {
	more, err := io.ReadAll(j.file)
	if err != nil {
		return j.roles, err
	}
	text := append(j.rest, more...)
	for {
		line, after, whole := bytes.Cut(text, []byte("\n"))
		if !whole {
			j.rest = bytes.Clone(text)
			return j.roles, nil
		}
		j.note(line)
		text = after
	}
}

func (j *journal) note(line []byte) {
	var l logged
	if json.Unmarshal(line, &l) != nil || l.Ward > 0 {
		return
	}
	switch l.Message {
	case "role started":
		j.started[l.Role] = l.PID
	case "role is ready":
		if j.started[l.Role] == l.PID { // else it was killed since
			j.serving[l.Role] = l.PID
		}
	case "role died":
		j.deaths[l.Role]++
		j.gone(l.Role, l.PID)
	case "role ended":
		j.gone(l.Role, l.PID)
	}
}
