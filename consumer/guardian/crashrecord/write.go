package crashrecord

import (
	"bufio"
	"fmt"
	"slices"
)

// Written says what became of a record.
type Written struct {
	// Path is the file.
	Path string
	// LeftOut is the LeftOut of the record as it stands in the file.
	LeftOut []Part
}

// Write makes r durable and returns then. Written again with the same id, as when
// the dump has come to its end, a record is replaced whole, and is back if it was
// removed meanwhile. With an error nothing has changed under the record's name,
// but for one case: the directory could not be synced, and then Path is set.
func (d Directory) Write(r Record) (Written, error) {
	if d.disk == nil {
		d.disk = realDisk{}
	}
	var tried error
	for _, lighter := range [...]func(Record) Record{whole, withoutDump, withoutPayloads} {
		written, err := d.write(lighter(r))
		if err == nil || written.Path != "" || !lacksRoom(err) {
			return written, err
		}
		tried = err
	}
	return Written{}, fmt.Errorf("%w (also without dump and payloads)", tried)
}

func whole(r Record) Record { return r }

func withoutDump(r Record) Record {
	r.LeftOut = slices.Clone(r.LeftOut)
	if len(r.Dump) > 0 {
		r.Dump = nil
		r.leaveOut(PartDump)
	}
	return r
}

func withoutPayloads(r Record) Record {
	r = withoutDump(r)
	r.Messages = slices.Clone(r.Messages)
	for i, m := range r.Messages {
		r.Messages[i] = m.withoutPayload()
		r.leaveOut(PartPayloads)
	}
	return r
}

func (d Directory) write(r Record) (Written, error) {
	final := d.path(r.ID)
	temporary := final + temporarySuffix[len(suffix):]
	leftOut, err := d.writeFile(temporary, r)
	if err == nil {
		err = d.disk.rename(temporary, final)
	}
	if err != nil {
		// If even this fails, Trim finds it later.
		_ = d.disk.remove(temporary)
		return Written{}, fmt.Errorf("write crash record: %w", err)
	}
	if err := d.disk.syncDirectory(d.Path); err != nil {
		return Written{Path: final, LeftOut: leftOut},
			fmt.Errorf("crash record %s stands, but may not survive a power loss: sync its directory: %w", r.ID, err)
	}
	return Written{Path: final, LeftOut: leftOut}, nil
}

// writeFile writes and syncs a new file.
func (d Directory) writeFile(path string, r Record) ([]Part, error) {
	f, err := d.disk.create(path)
	if err != nil {
		return nil, err
	}
	buffer := bufio.NewWriterSize(f, 256<<10)
	leftOut, err := Encode(buffer, r)
	if err == nil {
		err = buffer.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return leftOut, err
}
