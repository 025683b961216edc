//go:build unix

package guardian

import (
	"errors"
	"net"
	"os"
)

// openLine makes the ward line of a child that has one, and returns its end.
func (p *parent) openLine(c *child) (theirs *os.File, err error) {
	if c.role.pool == nil && c.role.owner == nil {
		return nil, nil
	}
	c.line, theirs, err = controlPair()
	return theirs, err
}

// serveLine reads and writes a child's line until it is closed.
func (p *parent) serveLine(c *child) {
	if c.line == nil {
		return
	}
	outbox, held := make(chan lineFrame, lineQueue), newAllowance(lineHeld, lineRuns)
	c.outbox, c.held = outbox, held
	line := c.line
	p.readers.Go(func() { c.writeAll(line, outbox) })
	p.readers.Go(func() {
		for {
			f, err := readLineWithin(line, held)
			if errors.Is(err, errFrame) {
				p.tell(event{kind: eventNonsense, child: c})
			}
			if err != nil {
				return // its death, or its control connection, tells the rest
			}
			p.tell(event{kind: eventLine, child: c, frame: f})
		}
	})
}

// writeAll writes frames until the channel is closed. A frame that cannot be written ends the line.
func (c *child) writeAll(conn net.Conn, frames <-chan lineFrame) {
	broken := false
	for f := range frames {
		if !broken && f.write(conn) != nil {
			broken = true
			_ = conn.Close()
		}
		c.owed.Add(-int64(f.size()))
		f.written()
	}
}

// closeLine lets go of a dead child's line.
func (c *child) closeLine() {
	if c.line != nil {
		close(c.outbox)
		c.outbox = nil
		c.held.close()
		_ = c.line.Close()
	}
}

// send queues a frame for the other end of the line. One that lets hundreds wait, or hundreds of
// megabytes, is broken.
func (p *parent) send(c *child, f lineFrame) {
	if c.outbox == nil {
		f.written()
		return
	}
	if c.owed.Load()+int64(f.size()) <= lineOwed {
		select {
		case c.outbox <- f:
			c.owed.Add(int64(f.size()))
			return
		default:
		}
	}
	f.written()
	p.breakOff(c, "it does not read its ward line")
}

// breakOff ends a child that is not to be talked to. It is judged like any other death: what it ran may
// be what broke it.
func (p *parent) breakOff(c *child, why string) {
	if c.broke == "" {
		c.broke = why
		p.log.Error("a child is broken; it is killed", "role", c.role.cfg.Name, "pid", c.pid, "because", why)
	}
	c.kill()
}

// hearLine takes a frame from a child's line.
func (p *parent) hearLine(c *child, f lineFrame) {
	switch {
	case f.kind == lineRun && c.role.pool != nil:
		p.asked(c, f)
	case f.kind == lineAnswer && c.run != nil && f.run == c.run.run:
		p.answered(c, f)
		c.held.give(f.size(), 1)
	default:
		p.breakOff(c, "it talks nonsense on its ward line")
	}
}
