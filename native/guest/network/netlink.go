package network

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// conn speaks rtnetlink, one request at a time. The few messages needed here are built by hand: a library for them
// would be half as large as the agent.
type conn struct {
	fd  int
	seq uint32
}

func dial() (*conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("netlink: %w", err)
	}
	// The kernel answers while it takes the request; the deadline is for a kernel that does not.
	limit := unix.NsecToTimeval((5 * time.Second).Nanoseconds())
	err = errors.Join(
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit),
		unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}),
	)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("netlink: %w", err)
	}
	return &conn{fd: fd}, nil
}

func (c *conn) close() { unix.Close(c.fd) }

// message is the body of a request: a fixed struct, then attributes.
type message []byte

func (m message) attribute(kind uint16, value []byte) message {
	m = binary.NativeEndian.AppendUint16(m, uint16(unix.SizeofRtAttr+len(value)))
	m = binary.NativeEndian.AppendUint16(m, kind)
	m = append(m, value...)
	for len(m)%unix.NLMSG_ALIGNTO != 0 {
		m = append(m, 0)
	}
	return m
}

func (m message) number(kind uint16, value uint32) message {
	return m.attribute(kind, binary.NativeEndian.AppendUint32(nil, value))
}

// attributes splits what stands behind a fixed struct.
func attributes(body []byte) map[uint16][]byte {
	found := make(map[uint16][]byte)
	for len(body) >= unix.SizeofRtAttr {
		length := int(binary.NativeEndian.Uint16(body))
		if length < unix.SizeofRtAttr || length > len(body) {
			break
		}
		found[binary.NativeEndian.Uint16(body[2:])&^unix.NLA_F_NESTED] = body[unix.SizeofRtAttr:length]
		body = body[min(len(body), (length+3)&^3):]
	}
	return found
}

// change sends a request and waits for the kernel's yes or no.
func (c *conn) change(kind uint16, flags uint16, body message) error {
	_, err := c.exchange(kind, unix.NLM_F_ACK|flags, body)
	return err
}

// list asks for all objects of a kind and returns the body of each.
func (c *conn) list(kind uint16, body message) ([][]byte, error) {
	return c.exchange(kind, unix.NLM_F_DUMP, body)
}

func (c *conn) exchange(kind, flags uint16, body message) ([][]byte, error) {
	c.seq++
	request := binary.NativeEndian.AppendUint32(nil, uint32(unix.NLMSG_HDRLEN+len(body)))
	request = binary.NativeEndian.AppendUint16(request, kind)
	request = binary.NativeEndian.AppendUint16(request, unix.NLM_F_REQUEST|flags)
	request = binary.NativeEndian.AppendUint32(request, c.seq)
	request = append(binary.NativeEndian.AppendUint32(request, 0), body...)
	if err := unix.Sendto(c.fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, os.NewSyscallError("netlink send", err)
	}
	var bodies [][]byte
	buffer := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(c.fd, buffer, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, os.NewSyscallError("netlink receive", err)
		}
		found, done, err := c.answers(buffer[:n])
		bodies = append(bodies, found...)
		if done || err != nil {
			return bodies, err
		}
	}
}

// answers takes apart one datagram; done at the end of a list and at the kernel's yes or no.
func (c *conn) answers(datagram []byte) (bodies [][]byte, done bool, err error) {
	for len(datagram) >= unix.NLMSG_HDRLEN {
		length := int(binary.NativeEndian.Uint32(datagram))
		if length < unix.NLMSG_HDRLEN || length > len(datagram) {
			return nil, true, errors.New("netlink: a message that is cut")
		}
		kind, seq := binary.NativeEndian.Uint16(datagram[4:]), binary.NativeEndian.Uint32(datagram[8:])
		body := datagram[unix.NLMSG_HDRLEN:length]
		datagram = datagram[min(len(datagram), (length+3)&^3):]
		switch {
		case seq != c.seq:
		case kind == unix.NLMSG_DONE:
			return bodies, true, nil
		case kind == unix.NLMSG_ERROR && len(body) >= 4:
			if number := int32(binary.NativeEndian.Uint32(body)); number != 0 {
				err = unix.Errno(-number)
			}
			return bodies, true, err
		default:
			bodies = append(bodies, append([]byte(nil), body...))
		}
	}
	return bodies, false, nil
}
