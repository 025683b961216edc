//go:build unix && !linux

package guardian

import (
	"errors"

	"github.com/theriac/theriac/consumer/guardian/inflight"
)

// asksKernel: the child tells how much memory it has, through its table.
const asksKernel = false

type memoryOf struct{ table *inflight.Table }

var errNoTable = errors.New("on this system only roles with Slots can be watched")

func openMemory(_ int, table *inflight.Table) (*memoryOf, error) {
	if table == nil {
		return nil, errNoTable
	}
	return &memoryOf{table}, nil
}

func (m *memoryOf) read() (memoryUse, bool) {
	status, err := m.table.Status()
	use := memoryUse{resident: int64(min(status.ResidentBytes, 1<<62))}
	return use, err == nil
}

func (m *memoryOf) close() {}
