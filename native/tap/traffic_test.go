package main

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// etherType of the test's frames: reserved for local experiments, so that nothing else sends one.
const etherType = 0x88b5

// virtioHeader precedes each frame on a tap with VNET_HDR, in bytes.
const virtioHeader = 10

func TestFramesPassBothWays(t *testing.T) {
	space := newSpace(t)
	space.add(t, "TC_REDIRECT_TAP_UID=0")
	frame := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 7, etherType >> 8, etherType & 0xff}, bytes.Repeat([]byte("vulcan"), 20)...)
	space.inside(t, func() error {
		guest, err := openTap("tap0")
		if err != nil {
			return err
		}
		defer guest.Close()
		host, err := openPeer("peer")
		if err != nil {
			return err
		}
		defer host.Close()

		if _, err := guest.Write(append(make([]byte, virtioHeader), frame...)); err != nil {
			return fmt.Errorf("from the guest: %w", err)
		}
		if err := expectFrame(host, frame, 0); err != nil {
			return fmt.Errorf("guest to host: %w", err)
		}
		answer := append([]byte(nil), frame...)
		copy(answer[20:], "answer")
		if _, err := host.Write(answer); err != nil {
			return fmt.Errorf("from the host: %w", err)
		}
		if err := expectFrame(guest, answer, virtioHeader); err != nil {
			return fmt.Errorf("host to guest: %w", err)
		}
		return nil
	})
}

// openTap opens the tap as Firecracker does.
func openTap(name string) (*os.File, error) {
	fd, err := unix.Open(tunDevice, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	ifreq, err := unix.NewIfreq(name)
	if err != nil {
		return nil, err
	}
	ifreq.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifreq); err != nil {
		return nil, fmt.Errorf("attach to %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// openPeer opens a packet socket on the veth's other end, for the test's frames alone.
func openPeer(name string) (*os.File, error) {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return nil, err
	}
	const protocol = etherType<<8&0xff00 | etherType>>8
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return nil, err
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: protocol, Ifindex: link.Attrs().Index}); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// expectFrame reads until the frame comes; the kernel's own (neighbour discovery) may come between.
func expectFrame(file *os.File, want []byte, header int) error {
	if err := file.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	buffer := make([]byte, 4096)
	for {
		n, err := file.Read(buffer)
		if err != nil {
			return err
		}
		if n >= header && bytes.Equal(buffer[header:n], want) {
			return nil
		}
	}
}
