// Package child runs a program whose standard error goes to a file, and which ends with this process: on Linux
// the kernel sees to that, elsewhere Stop does. A process group of its own keeps the terminal's Ctrl-C from it.
package child
