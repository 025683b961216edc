package guardian

import (
	"bytes"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

// containerMemory returns how many bytes of memory the control groups allow that this process is in,
// 0 if they allow any or cannot be read. root is the root of the file system. Version 2 and version 1
// of the interface are understood; of a group and those above it the smallest limit counts.
func containerMemory(root fs.FS) int64 {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	least := int64(0)
	for _, line := range bytes.Split(groups, []byte("\n")) {
		fields := strings.SplitN(string(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		limit := int64(0)
		switch {
		case fields[1] == "":
			limit = leastLimit(root, "sys/fs/cgroup", fields[2], "memory.max")
		case hasController(fields[1], "memory"):
			limit = leastLimit(root, "sys/fs/cgroup/memory", fields[2], "memory.limit_in_bytes")
		}
		least = lesser(least, limit)
	}
	return least
}

func hasController(list, name string) bool {
	for _, c := range strings.Split(list, ",") {
		if c == name {
			return true
		}
	}
	return false
}

// leastLimit looks from a group up to the mount. In a container the path of the group may be that of
// the host, of which nothing can be seen here; the mount itself is the own group then.
func leastLimit(root fs.FS, mount, group, file string) (least int64) {
	for dir := path.Join("/", group); ; dir = path.Dir(dir) {
		if text, err := fs.ReadFile(root, path.Join(mount, dir, file)); err == nil {
			least = lesser(least, parseLimit(text))
		}
		if dir == "/" {
			return least
		}
	}
}

// unlimited is from where on version 1 means no limit: it has no word for that.
const unlimited = math.MaxInt64 >> 1

// parseLimit reads a limit, 0 for none and for what is no limit.
func parseLimit(text []byte) int64 {
	n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
	if err != nil || n < 0 || n >= unlimited {
		return 0
	}
	return n
}

// lesser returns the smaller of two limits, of which 0 is none.
func lesser(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
