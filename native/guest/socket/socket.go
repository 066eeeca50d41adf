// Package socket is vsock (and, for trials without a vm, unix sockets) on the runtime's poller, without package net,
// which knows no vsock and would be a quarter of the agent.
package socket

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Host is the CID of the host.
const Host = unix.VMADDR_CID_HOST

// Listener accepts connections.
type Listener struct {
	file   *os.File
	domain int
}

// ListenVsock listens on a port of this vm.
func ListenVsock(port uint32) (*Listener, error) {
	return listen(unix.AF_VSOCK, &unix.SockaddrVM{CID: unix.VMADDR_CID_ANY, Port: port}, fmt.Sprintf("vsock port %d", port))
}

// ListenUnix listens on a path.
func ListenUnix(path string) (*Listener, error) {
	return listen(unix.AF_UNIX, &unix.SockaddrUnix{Name: path}, path)
}

func listen(domain int, address unix.Sockaddr, name string) (*Listener, error) {
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: socket: %w", name, err)
	}
	if err := unix.Bind(fd, address); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("%s: bind: %w", name, err)
	}
	if err := unix.Listen(fd, 128); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("%s: listen: %w", name, err)
	}
	return &Listener{file: os.NewFile(uintptr(fd), name), domain: domain}, nil
}

// Conn is one connection.
type Conn struct{ *os.File }

// linearPacket is a size of packet that Linux surely keeps in one piece of memory: with header and bookkeeping it stays
// below 32 KiB. Firecracker before 1.14 garbles what comes in several pieces (its issue 5475), as larger packets do
// since Linux 6.17 and in the stable kernels that took the change.
const linearPacket = 28 << 10

// Write sends all of p, in packets that every Firecracker gets right.
func (c Conn) Write(p []byte) (int, error) {
	for sent := 0; ; {
		n, err := c.File.Write(p[sent:min(sent+linearPacket, len(p))])
		sent += n
		if err != nil || sent == len(p) {
			return sent, err
		}
	}
}

// Accept returns the next connection; over vsock, the next of the host: a program in this vm that got to the port is
// turned away. Programs do not inherit the connection: the host would not see it close.
func (l *Listener) Accept() (Conn, error) {
	for {
		fd, peer, err := l.accept()
		if err != nil {
			return Conn{}, err
		}
		if vm, ok := peer.(*unix.SockaddrVM); ok && vm.CID != Host {
			unix.Close(fd)
			continue
		}
		return Conn{os.NewFile(uintptr(fd), "session")}, nil
	}
}

func (l *Listener) accept() (fd int, peer unix.Sockaddr, err error) {
	raw, err := l.file.SyscallConn()
	if err != nil {
		return -1, nil, err
	}
	waiting := raw.Read(func(listener uintptr) bool {
		for {
			fd, peer, err = unix.Accept4(int(listener), unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
			// A connection that was gone before it was taken, as happens over a restore, is no reason to stop.
			if !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.ECONNABORTED) && !errors.Is(err, unix.ECONNRESET) {
				return !errors.Is(err, unix.EAGAIN)
			}
		}
	})
	return fd, peer, errors.Join(waiting, err)
}

// Close stops to listen.
func (l *Listener) Close() error { return l.file.Close() }

// Tell connects to a port of the host, sends bytes and waits until the host has closed: what was sent has arrived then.
func Tell(port uint32, message []byte, within time.Duration) error {
	fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("telling the host: socket: %w", err)
	}
	// A blocking connect: the kernel gives up after 2 s of its own accord.
	if err := unix.Connect(fd, &unix.SockaddrVM{CID: Host, Port: port}); err != nil {
		unix.Close(fd)
		return fmt.Errorf("telling the host: connect to port %d: %w", port, err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return err
	}
	conn := os.NewFile(uintptr(fd), "tell")
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	if _, err := conn.Write(message); err != nil {
		return fmt.Errorf("telling the host: %w", err)
	}
	if err := unix.Shutdown(fd, unix.SHUT_WR); err != nil {
		return fmt.Errorf("telling the host: shutdown: %w", err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("telling the host: it did not close within %v", within)
	}
	return nil
}
