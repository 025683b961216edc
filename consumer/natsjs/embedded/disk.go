package embedded

import "fmt"

// DiskFullError says that there is too little room to start the broker.
type DiskFullError struct {
	// Dir is the data directory.
	Dir string
	// FreeBytes is the room that there is.
	FreeBytes int64
	// NeedBytes is the room that Start asks for, Config.MinFree.
	NeedBytes int64
}

// Error says how much room there is, how much is needed and what to do.
func (e *DiskFullError) Error() string {
	return fmt.Sprintf("the disk of %s has %d MiB free and the broker needs %d MiB: free some space and start again",
		e.Dir, e.FreeBytes>>20, e.NeedBytes>>20)
}

func checkRoom(dir string, need int64) error {
	free, err := freeBytes(dir)
	if err != nil {
		return fmt.Errorf("ask for the free space of %s: %w", dir, err)
	}
	if free < need {
		return &DiskFullError{Dir: dir, FreeBytes: free, NeedBytes: need}
	}
	return nil
}
