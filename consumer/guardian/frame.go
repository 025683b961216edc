package guardian

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/theriac/theriac/consumer/guardian/verdict"
)

// The control connection between the guardian and a child carries frames: a version, a kind, a
// length and that many bytes of JSON.
const (
	frameVersion = 1
	frameHeader  = 6
	// maxFrame bounds what one side makes the other allocate.
	maxFrame = 1 << 20
)

type frameKind uint8

const (
	frameWelcome frameKind = 1 + iota // guardian: go on
	frameStop                         // guardian: end in order
	frameReady                        // child: I serve
	frameRecycle                      // child: replace me
)

// errFrame says that the other side speaks another language. It is not trusted any further.
var errFrame = errors.New("damaged frame on the control connection")

// welcome is what a child knows before it begins.
type welcome struct {
	Incarnation string `json:"incarnation"`
	// TableFD is the child's descriptor of the in-flight table, RelayFD that of the
	// relay's pipe; 0: there is none.
	TableFD int `json:"table_fd"`
	RelayFD int `json:"relay_fd"`
	// LineFD is that of the ward line, of a worker and of a ward.
	LineFD int `json:"line_fd,omitempty"`
	// Ward: the child is a ward of its role. Wards is how many a worker has.
	Ward  bool `json:"ward,omitempty"`
	Wards int  `json:"wards,omitempty"`
	// StateDir is where the crash records are.
	StateDir string `json:"state_dir,omitempty"`
	// Culprits are those that killed a process of the role of late, none succeeding between.
	Culprits map[string][]verdict.CulpritDeath `json:"culprits,omitempty"`
}

func writeFrame(w io.Writer, kind frameKind, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("control frame %d: %w", kind, err)
	}
	if len(body) > maxFrame {
		return fmt.Errorf("control frame %d has %d bytes, more than %d", kind, len(body), maxFrame)
	}
	buf := make([]byte, frameHeader, frameHeader+len(body))
	buf[0], buf[1] = frameVersion, byte(kind)
	binary.BigEndian.PutUint32(buf[2:], uint32(len(body)))
	_, err = w.Write(append(buf, body...))
	return err
}

func readFrame(r io.Reader) (frameKind, []byte, error) {
	var head [frameHeader]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[2:])
	if head[0] != frameVersion || n > maxFrame {
		return 0, nil, errFrame
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return 0, nil, err
	}
	return frameKind(head[1]), body, nil
}
