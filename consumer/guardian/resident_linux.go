package guardian

import (
	"os"
	"strconv"

	"github.com/theriac/theriac/consumer/guardian/inflight"
)

// asksKernel: the kernel tells how much memory a child has, so the child need not.
const asksKernel = true

// memoryOf is a way to ask how much memory a process has. It stays with that process, whoever gets
// its number later.
type memoryOf struct {
	file     *os.File
	pageSize int64
}

// openMemory begins to look at a child that is not yet buried.
func openMemory(pid int, _ *inflight.Table) (*memoryOf, error) {
	file, err := os.Open("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return nil, err
	}
	return &memoryOf{file: file, pageSize: int64(os.Getpagesize())}, nil
}

// read returns what it has now; false if it ended, or the answer makes no sense.
func (m *memoryOf) read() (memoryUse, bool) {
	var text [256]byte
	n, err := m.file.ReadAt(text[:], 0)
	if n == 0 && err != nil {
		return memoryUse{}, false
	}
	return parseStatm(text[:n], m.pageSize)
}

func (m *memoryOf) close() { _ = m.file.Close() }
