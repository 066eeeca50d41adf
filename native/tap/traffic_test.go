package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// etherType of the test's frames: reserved for local experiments, so that nothing else sends one.
const etherType = 0x88b5

// virtioHeader precedes each frame on a tap with VNET_HDR, in bytes.
const virtioHeader = 10

var everybody = []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// frame is one of the test's, from a MAC to another.
func frame(to, from []byte, words string) []byte {
	return slices.Concat(to, from, []byte{etherType >> 8, etherType & 0xff}, bytes.Repeat([]byte(words), 20))
}

// guest is the space after ADD, with both its ends open as the vm and the host have them.
type guest struct {
	*space
	vm, host *os.File
	mac      []byte
}

func newGuest(t *testing.T) *guest {
	t.Helper()
	g := &guest{space: newSpace(t)}
	g.add(t, "TC_REDIRECT_TAP_UID=0")
	mac, err := net.ParseMAC(g.space.mac)
	if err != nil {
		t.Fatal(err)
	}
	g.mac = mac
	g.inside(t, func() (err error) {
		g.vm, err = openTap("tap0")
		return err
	})
	g.onHost(t, func() (err error) {
		g.host, err = openPeer("veth1")
		return err
	})
	t.Cleanup(func() { _, _ = g.vm.Close(), g.host.Close() })
	return g
}

func (g *guest) sends(t *testing.T, frame []byte) {
	t.Helper()
	if _, err := g.vm.Write(append(make([]byte, virtioHeader), frame...)); err != nil {
		t.Fatalf("from the guest: %v", err)
	}
}

func TestFramesPassBothWays(t *testing.T) {
	g := newGuest(t)
	sent := frame(everybody, g.mac, "vulcan")
	g.sends(t, sent)
	if err := expectFrame(g.host, sent, 0); err != nil {
		t.Fatalf("guest to host: %v", err)
	}
	answer := frame(g.mac, []byte{2, 0, 0, 0, 0, 7}, "answer")
	if _, err := g.host.Write(answer); err != nil {
		t.Fatalf("from the host: %v", err)
	}
	if err := expectFrame(g.vm, answer, virtioHeader); err != nil {
		t.Fatalf("host to guest: %v", err)
	}
}

func TestOnlyTheGuestsOwnFramesLeaveItsNamespace(t *testing.T) {
	g := newGuest(t)
	neighbour := []byte{2, 0, 0, 0, 0, 9}
	for last := byte(0); last < 16; last++ {
		g.sends(t, frame([]byte{0x01, 0x80, 0xc2, 0, 0, last}, g.mac, "to the host, past its bridge"))
	}
	g.sends(t, frame(everybody, neighbour, "as the neighbour"))
	g.sends(t, frame(everybody, append(slices.Clone(g.mac[:5]), g.mac[5]^1), "as almost itself"))
	// What is the guest's own comes behind all of these.
	own := frame([]byte{0x01, 0x80, 0xc2, 0, 0, 16}, g.mac, "to a group that bridges pass on")
	g.sends(t, own)
	first, err := nextFrame(g.host)
	if err != nil || !bytes.Equal(first, own) {
		t.Errorf("the host got %x first (%v)", first, err)
	}
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
	for {
		got, err := nextFrame(file)
		if err != nil {
			return err
		}
		if len(got) >= header && bytes.Equal(got[header:], want) {
			return nil
		}
	}
}

func nextFrame(file *os.File) ([]byte, error) {
	if err := file.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return nil, err
	}
	buffer := make([]byte, 4096)
	n, err := file.Read(buffer)
	return buffer[:n], err
}
