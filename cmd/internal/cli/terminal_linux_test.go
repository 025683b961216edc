package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/theriac/theriac/internal/runner"
)

// onTerminal runs a command on a terminal of its own, 120 columns wide, and copies what appears
// there: onterminal TYPED COMMAND [ARG...]. A line break follows what is typed.
func onTerminal(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: onterminal TYPED COMMAND [ARG...]")
	}
	screen, terminal, err := openTerminal()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(screen, args[0]+"\n"); err != nil {
		return err
	}
	c := exec.Command(args[1], args[2:]...)
	c.Stdin, c.Stdout, c.Stderr = terminal, terminal, terminal
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		return err
	}
	var shown bytes.Buffer
	var reading runner.Group
	reading.Go(func() {
		// The read ends with an error when the last process has left the terminal.
		_, _ = io.Copy(&shown, screen)
	})
	if err := terminal.Close(); err != nil {
		return err
	}
	err = c.Wait()
	reading.Wait()
	fmt.Print(strings.ReplaceAll(shown.String(), "\r\n", "\n"))
	return errors.Join(err, screen.Close())
}

// openTerminal returns the two ends of a new pseudo-terminal.
func openTerminal() (screen, terminal *os.File, err error) {
	screen, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	fd := int(screen.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return nil, nil, err
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, nil, err
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 120}); err != nil {
		return nil, nil, err
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	return screen, terminal, err
}
