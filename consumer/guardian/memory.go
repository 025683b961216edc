package guardian

// memoryLimit is how much memory a child may have.
type memoryLimit struct {
	bytes int64 // 0: any amount
	// common: the container allows it, to all children together.
	common bool
}

// memoryLimitOf returns the limit of a role where the container allows the given number of bytes.
func memoryLimitOf(r RoleConfig, container int64) memoryLimit {
	switch {
	case r.MemoryLimit < 0:
		return memoryLimit{}
	case r.MemoryLimit > 0:
		return memoryLimit{bytes: r.MemoryLimit}
	default:
		return memoryLimit{bytes: container, common: true}
	}
}

// Of a limit of memory, in percent.
const (
	// watchPercent is where the guardian ends a child. What is left must take what the child still
	// allocates until the signal has met it: some 40 MB at 1 GB a second.
	watchPercent = 85
	// collectPercent is where the collector of Go begins to work hard. Without it a heap may grow to
	// twice what is alive before it is collected, and a healthy process would die of its garbage.
	collectPercent = 80
)

func percentOf(n int64, percent int64) int64 { return n/100*percent + n%100*percent/100 }

// What a child adds to its oom_score_adj, in thousandths of the memory there is: the kernel then
// chooses a ward before a worker, and either before the guardian and roles that run no messages.
const (
	workerOOMScore = 500
	wardOOMScore   = 800
)

// confinement is what a child imposes on itself before its function is called.
type confinement struct {
	memory   int64 // of it, in bytes; 0: any amount
	oomScore int   // what is added to it
	noCore   bool  // leave no core file: it would hold messages
}

func confinementOf(r RoleConfig, ward bool, container int64) confinement {
	c := confinement{memory: memoryLimitOf(r, container).bytes}
	switch {
	case ward:
		c.oomScore, c.noCore = wardOOMScore, true
	case r.Slots > 0:
		c.oomScore = workerOOMScore
	}
	return c
}
