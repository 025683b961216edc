package localfile

import "errors"

// ErrNetworkDrive says that file locks and shared memory do not work in a directory.
var ErrNetworkDrive = errors.New("the directory is on a network drive, where file locks do not hold; use a local disk, or Postgres")
