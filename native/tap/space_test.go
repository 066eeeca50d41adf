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

// space is a container's network namespace as the bridge plugin leaves it, and that of its host: a bridge vulcan0, and
// the end veth1 of the container's eth0, which is no port of the bridge yet.
type space struct {
	path      string
	mac       string
	container thread
	host      thread
}

// thread runs what it is given in a network namespace of its own; what it starts, too.
type thread chan func()

// newSpace makes the namespaces. Where the kernel cannot, the test is skipped, unless VULCAN_REQUIRE_VM is 1.
func newSpace(t *testing.T) *space {
	t.Helper()
	s := &space{container: make(thread), host: make(thread)}
	err := tunUsable()
	for _, each := range []thread{s.container, s.host} {
		err = errors.Join(err, each.start())
		t.Cleanup(func() { close(each) })
	}
	if err == nil {
		err = s.make()
	}
	if err != nil {
		if os.Getenv("VULCAN_REQUIRE_VM") != "1" && (errors.Is(err, unix.EPERM) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOENT)) {
			t.Skipf("this host lacks what the plugin needs: %v", err)
		}
		t.Fatalf("this host lacks what the plugin needs: %v", err)
	}
	return s
}

func (t thread) start() error {
	ready := make(chan error)
	go func() {
		// Never unlocked: the thread ends with the goroutine, and the namespace with the thread.
		runtime.LockOSThread()
		ready <- unix.Unshare(unix.CLONE_NEWNET)
		for act := range t {
			act()
		}
	}()
	return <-ready
}

func (t thread) do(act func() error) error {
	done := make(chan error)
	t <- func() { done <- act() }
	return <-done
}

func (s *space) make() error {
	tid := 0
	err := s.container.do(func() error {
		tid = unix.Gettid()
		s.path = fmt.Sprintf("/proc/%d/task/%d/ns/net", os.Getpid(), tid)
		return nil
	})
	err = errors.Join(err, s.host.do(func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.MTU = "veth1", vethMTU
		pair := &netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsPid(tid)}
		if err := netlink.LinkAdd(pair); err != nil {
			return fmt.Errorf("a veth pair: %w", err)
		}
		if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "vulcan0"}}); err != nil {
			return fmt.Errorf("a bridge: %w", err)
		}
		return errors.Join(setUp("veth1"), setUp("vulcan0"))
	}))
	return errors.Join(err, s.container.do(func() error {
		link, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		s.mac = link.Attrs().HardwareAddr.String()
		if err := errors.Join(netlink.LinkSetMTU(link, vethMTU), setUp("eth0"), addIngress(link)); err != nil {
			return fmt.Errorf("an ingress qdisc: %w", err)
		}
		if err := redirect(link.Attrs().Index, []rule{{to: link.Attrs().Index}}); err != nil {
			return fmt.Errorf("a u32 filter with mirred: %w", err)
		}
		return removeIngress("eth0")
	}))
}

func setUp(name string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}

// bridged makes the host's end of the pair a port of the bridge.
func (s *space) bridged(t *testing.T) *space {
	t.Helper()
	s.onHost(t, func() error {
		port, err := netlink.LinkByName("veth1")
		if err != nil {
			return err
		}
		return netlink.LinkSetMaster(port, &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "vulcan0"}})
	})
	return s
}

// inside runs an act in the container's namespace.
func (s *space) inside(t *testing.T, act func() error) {
	t.Helper()
	if err := s.container.do(act); err != nil {
		t.Fatal(err)
	}
}

// onHost runs an act in the host's namespace.
func (s *space) onHost(t *testing.T, act func() error) {
	t.Helper()
	if err := s.host.do(act); err != nil {
		t.Fatal(err)
	}
}

func (s *space) expectLinks(t *testing.T, want ...string) {
	t.Helper()
	s.inside(t, func() error {
		links, err := netlink.LinkList()
		names := []string{}
		for _, link := range links {
			if name := link.Attrs().Name; name != "lo" {
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
