package localfile

import (
	"fmt"
	"io/fs"
	"syscall"
)

// RefuseNetworkDrive returns an error that wraps [ErrNetworkDrive] for a directory on one.
func RefuseNetworkDrive(dir string) error {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return &fs.PathError{Op: "look at", Path: dir, Err: err}
	}
	return refuseType(dir, int64(stat.Type))
}

// refuseType judges a directory by the magic number of its file system.
func refuseType(dir string, magic int64) error {
	network := map[uint32]string{
		0x6969: "nfs", 0x517b: "smb", 0xff534d42: "cifs", 0xfe534d42: "smb2", 0x5346414f: "afs",
		0x00c36400: "ceph", 0x0bd00bd0: "lustre", 0x01161970: "gfs2", 0x7461636f: "ocfs2",
	}
	if name, ok := network[uint32(magic)]; ok {
		return fmt.Errorf("%s (%s): %w", dir, name, ErrNetworkDrive)
	}
	return nil
}
