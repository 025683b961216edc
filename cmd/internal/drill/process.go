package drill

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/theriac/theriac/cmd/internal/drill/child"
	"github.com/theriac/theriac/cmd/internal/drill/replica"
)

// stopWait is how long a replica may take to end in order before it is killed. Its guardian takes
// the rest along.
const stopWait = 8 * time.Second

// process is a running replica: a guardian and its children.
type process struct {
	*child.Process
	number int
	dir    string
}

// startReplica starts this program as a replica in dir, which it makes.
func startReplica(executable, dir string, spec replica.Spec, environ []string) (*process, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := spec.Write(dir); err != nil {
		return nil, err
	}
	cmd := exec.Command(executable, replica.Subcommand, dir) //nolint:noctx // it is stopped in order
	cmd.Env = replicaEnvironment(environ)
	running, err := child.Start(cmd, filepath.Join(dir, "stderr"), true)
	if err != nil {
		return nil, fmt.Errorf("start replica %d: %w", spec.Number, err)
	}
	return &process{Process: running, number: spec.Number, dir: dir}, nil
}

// stop ends the replica in order and waits for its end.
func (p *process) stop() error {
	if err := p.Stop(stopWait); err != nil {
		return fmt.Errorf("replica %d ended: %w%s", p.number, err, p.LastWords())
	}
	return nil
}

// replicaEnvironment is this process's, with the guardian on: a debugger or a test around the drill
// is no reason for the replica to do without.
func replicaEnvironment(environ []string) []string {
	kept := []string{"THERIAC_GUARDIAN=on"}
	for _, pair := range environ {
		if !strings.HasPrefix(pair, "THERIAC_") {
			kept = append(kept, pair)
		}
	}
	return kept
}

func replicaDir(dir string, number int) string {
	return filepath.Join(dir, "replica-"+strconv.Itoa(number))
}
