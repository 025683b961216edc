package main

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// order is what a worker is told.
type order struct {
	Stack        string
	Broker       string // host:port
	Subscription string // id
	Setting
	// WarmUp messages come first and are not measured; Messages are.
	WarmUp, Messages int64
	// Store is where entries are kept: a database URL or a directory.
	Store string
	// Poison makes the handler refuse every message for good. Then a message
	// counts once its entry is stored and the message acknowledged.
	Poison bool
	// Profile is a file for a CPU profile of the measured window, or empty.
	Profile string
}

// Setting is how a subscription is received.
type Setting struct {
	Streams     int `json:"streams"`
	Outstanding int `json:"outstanding"`
}

// figures is what one measured window cost its worker.
type figures struct {
	Elapsed time.Duration
	CPU     time.Duration // user and system time of the process
	Mallocs uint64        // heap objects allocated
}

// meter counts messages and measures the window between two of them.
type meter struct {
	first, last int64
	n           atomic.Int64
	started     func()
	finished    func()
	begin, end  sample
}

// sample is what a process has used up to a moment.
type sample struct {
	at      time.Time
	cpu     time.Duration
	mallocs uint64
	err     error
}

// count is called once for each message.
func (m *meter) count() {
	switch m.n.Add(1) {
	case m.first:
		m.started()
		m.begin = take()
	case m.last:
		m.end = take()
		m.finished()
	}
}

func (m *meter) figures() figures {
	return figures{
		Elapsed: m.end.at.Sub(m.begin.at),
		CPU:     m.end.cpu - m.begin.cpu,
		Mallocs: m.end.mallocs - m.begin.mallocs,
	}
}

func take() sample {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	var used syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return sample{
		at:      time.Now(),
		cpu:     time.Duration(used.Utime.Nano() + used.Stime.Nano()),
		mallocs: mem.Mallocs,
		err:     err,
	}
}
