package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const vethMTU = 1420

// space is a network namespace that looks as the bridge plugin leaves it; it lives as long as its thread.
type space struct {
	path string
	mac  string
	work chan func()
}

// newSpace makes a namespace with a veth eth0. Where the kernel cannot, the test is skipped, unless VULCAN_REQUIRE_VM is 1.
func newSpace(t *testing.T) *space {
	t.Helper()
	s := &space{work: make(chan func())}
	ready := make(chan error)
	go func() {
		// Never unlocked: the thread ends with the goroutine, and the namespace with the thread.
		runtime.LockOSThread()
		ready <- s.make()
		for act := range s.work {
			act()
		}
	}()
	t.Cleanup(func() { close(s.work) })
	if err := <-ready; err != nil {
		if os.Getenv("VULCAN_REQUIRE_VM") != "1" && (errors.Is(err, unix.EPERM) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOENT)) {
			t.Skipf("this host lacks what the plugin needs: %v", err)
		}
		t.Fatalf("this host lacks what the plugin needs: %v", err)
	}
	return s
}

func (s *space) make() error {
	if err := tunUsable(); err != nil {
		return fmt.Errorf("%s: %w", tunDevice, err)
	}
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("a network namespace: %w", err)
	}
	s.path = fmt.Sprintf("/proc/%d/task/%d/ns/net", os.Getpid(), unix.Gettid())
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = "eth0", vethMTU
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "peer"}); err != nil {
		return fmt.Errorf("a veth pair: %w", err)
	}
	for _, name := range []string{"eth0", "peer"} {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		if err := netlink.LinkSetUp(link); err != nil {
			return err
		}
		if name == "eth0" {
			s.mac = link.Attrs().HardwareAddr.String()
			if err := addIngress(link); err != nil {
				return fmt.Errorf("an ingress qdisc: %w", err)
			}
			if err := redirect(link, link); err != nil {
				return fmt.Errorf("a u32 filter with mirred: %w", err)
			}
			if err := removeIngress(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// inside runs an act in the namespace.
func (s *space) inside(t *testing.T, act func() error) {
	t.Helper()
	done := make(chan error)
	s.work <- func() { done <- act() }
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func (s *space) expectLinks(t *testing.T, want ...string) {
	t.Helper()
	s.inside(t, func() error {
		links, err := netlink.LinkList()
		names := []string{}
		for _, link := range links {
			if name := link.Attrs().Name; name != "lo" && name != "peer" {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		if !slices.Equal(names, want) {
			t.Errorf("the namespace holds %v, not %v", names, want)
		}
		return err
	})
}

func (s *space) tap(t *testing.T, name string) (tap *netlink.Tuntap) {
	t.Helper()
	s.inside(t, func() error {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		var ok bool
		if tap, ok = link.(*netlink.Tuntap); !ok {
			return fmt.Errorf("%s is a %s", name, link.Type())
		}
		return nil
	})
	return tap
}

func removeFilters(link netlink.Link) error {
	filters, err := netlink.FilterList(link, ingress)
	for _, filter := range filters {
		err = errors.Join(err, netlink.FilterDel(filter))
	}
	return err
}
