package inside

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// port is a virtio-serial port: a stream that the host side may leave and come back to at any time.
type port struct {
	path string
	file *os.File
}

// openPort finds the port of that name and opens it. A port can be open once only.
func openPort(name string) (*port, error) {
	files, err := filepath.Glob("/sys/class/virtio-ports/*/name")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if strings.TrimSpace(string(content)) != name {
			continue
		}
		p := &port{path: "/dev/" + filepath.Base(filepath.Dir(file))}
		return p, p.open()
	}
	return nil, fmt.Errorf("no virtio-serial port is named %s", name)
}

func (p *port) open() error {
	fd, err := unix.Open(p.path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", p.path, err)
	}
	// A non-blocking descriptor is waited for by the runtime's epoll, which is edge-triggered: a port without a host
	// reports a hang-up for ever, and a level-triggered wait would spin on that.
	p.file = os.NewFile(uintptr(fd), p.path)
	return nil
}

// reopen forgets the session: bytes of the last host that nobody read are dropped by the kernel.
func (p *port) reopen() error {
	p.file.Close()
	return p.open()
}

// waitForHost returns when a host has the other end open.
func (p *port) waitForHost() error {
	raw, err := p.file.SyscallConn()
	if err != nil {
		return err
	}
	// Waiting to write, since a host that comes and says nothing makes the port writable and not readable.
	return raw.Write(hostAt)
}

func hostAt(fd uintptr) bool {
	state := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	_, err := unix.Poll(state, 0)
	return err == nil && state[0].Revents&unix.POLLHUP == 0
}

func (p *port) hostIsThere() (there bool) {
	raw, err := p.file.SyscallConn()
	if err == nil {
		raw.Control(func(fd uintptr) { there = hostAt(fd) })
	}
	return there
}

// Read is io.EOF when the host has left.
func (p *port) Read(buffer []byte) (int, error) {
	n, err := p.file.Read(buffer)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// Write blocks while the host takes nothing, also when it has left: see abandon.
func (p *port) Write(data []byte) (int, error) { return p.file.Write(data) }

// abandon makes every pending and later write fail, for a session whose host has left.
func (p *port) abandon() { p.file.SetWriteDeadline(time.Unix(1, 0)) }

// resume undoes abandon, for the next session.
func (p *port) resume() { p.file.SetWriteDeadline(time.Time{}) }
