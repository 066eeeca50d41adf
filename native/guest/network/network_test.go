package network

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// inNamespace gives the test a network namespace with an interface of the given name. The thread is thrown away with it.
func inNamespace(t *testing.T, name string) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	c, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	// Both are modules that a kernel may lack; one of them must be there, or nothing here is tested.
	if err = addLink(c, name, "dummy"); err != nil {
		err = addLink(c, name, "veth")
	}
	if err != nil {
		t.Fatalf("making an interface: %v", err)
	}
}

func addLink(c *conn, name, kind string) error {
	info := message(nil).attribute(unix.IFLA_INFO_KIND, []byte(kind))
	body := make(message, unix.SizeofIfInfomsg).attribute(unix.IFLA_IFNAME, []byte(name+"\x00")).attribute(unix.IFLA_LINKINFO, info)
	return c.change(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, body)
}

type state struct {
	mac      []byte
	up       bool
	mtu      uint32
	address  []string
	gateways []string
}

func stateOf(t *testing.T, name string) state {
	t.Helper()
	c, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	index, err := c.index(name)
	if err != nil {
		t.Fatal(err)
	}
	list := func(kind uint16, body message) [][]byte {
		found, err := c.list(kind, body)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	var s state
	for _, link := range list(unix.RTM_GETLINK, make(message, unix.SizeofIfInfomsg)) {
		if binary.NativeEndian.Uint32(link[4:]) == index {
			has := attributes(link[unix.SizeofIfInfomsg:])
			s.mac, s.mtu = has[unix.IFLA_ADDRESS], binary.NativeEndian.Uint32(has[unix.IFLA_MTU])
			s.up = binary.NativeEndian.Uint32(link[8:])&unix.IFF_UP != 0
		}
	}
	for _, one := range list(unix.RTM_GETADDR, message{unix.AF_INET, 0, 0, 0, 0, 0, 0, 0}) {
		if binary.NativeEndian.Uint32(one[4:]) == index {
			local, _ := netip.AddrFromSlice(attributes(one[unix.SizeofIfAddrmsg:])[unix.IFA_LOCAL])
			s.address = append(s.address, netip.PrefixFrom(local, int(one[1])).String())
		}
	}
	for _, one := range list(unix.RTM_GETROUTE, append(message{unix.AF_INET}, make([]byte, unix.SizeofRtMsg-1)...)) {
		if via, ok := netip.AddrFromSlice(attributes(one[unix.SizeofRtMsg:])[unix.RTA_GATEWAY]); ok && one[1] == 0 {
			s.gateways = append(s.gateways, via.String())
		}
	}
	return s
}

func place(t *testing.T, mac, address, gateway string, mtu int) Place {
	t.Helper()
	place, err := ParsePlace(mac, address, gateway, mtu)
	if err != nil {
		t.Fatal(err)
	}
	return place
}

func TestAnInterfaceIsPutInItsPlaceAndInAnother(t *testing.T) {
	inNamespace(t, "eth9")
	for _, p := range []struct {
		mac, address, gateway string
		mtu                   int
	}{
		{"06:00:0a:58:00:05", "10.88.0.5/16", "10.88.0.1", 1400},
		{"06:00:0a:58:00:05", "10.88.0.5/16", "10.88.0.1", 1400}, // told twice
		{"06:00:0a:58:00:06", "10.88.0.6/16", "10.88.0.1", 1500}, // a clone
		{"06:00:0a:58:00:06", "172.16.3.2/30", "172.16.3.1", 1500},
	} {
		if err := Configure("eth9", place(t, p.mac, p.address, p.gateway, p.mtu)); err != nil {
			t.Fatalf("%v: %v", p, err)
		}
		s := stateOf(t, "eth9")
		mac, _ := parseMAC(p.mac)
		if !s.up || s.mtu != uint32(p.mtu) || !bytes.Equal(s.mac, mac) {
			t.Errorf("%v: link %+v", p, s)
		}
		if strings.Join(s.address, " ") != p.address || strings.Join(s.gateways, " ") != p.gateway {
			t.Errorf("%v: addresses %v, gateways %v", p, s.address, s.gateways)
		}
	}
}

func TestLoopbackComesUp(t *testing.T) {
	inNamespace(t, "eth9")
	if err := Up("lo"); err != nil {
		t.Fatal(err)
	}
	if s := stateOf(t, "lo"); !s.up || strings.Join(s.address, " ") != "127.0.0.1/8" {
		t.Errorf("%+v", s)
	}
}

func TestFailuresSayWhere(t *testing.T) {
	inNamespace(t, "eth9")
	good := place(t, "06:00:0a:58:00:05", "10.88.0.5/16", "10.88.0.1", 0)
	if err := Configure("eth7", good); err == nil || !strings.Contains(err.Error(), "no interface eth7") {
		t.Errorf("an interface that is not there: %v", err)
	}
	far := place(t, "06:00:0a:58:00:05", "10.88.0.5/16", "10.99.0.1", 0)
	if err := Configure("eth9", far); err == nil || !strings.Contains(err.Error(), "route to 10.99.0.1") {
		t.Errorf("a gateway out of reach: %v", err)
	}
}

func TestPlacesThatAreRefused(t *testing.T) {
	const mac, address, gateway = "06:00:0a:58:00:05", "10.88.0.5/16", "10.88.0.1"
	for _, p := range []struct {
		mac, address, gateway string
		mtu                   int
	}{
		{"", address, gateway, 0}, {"06:00:0a:58:00", address, gateway, 0}, {"06:00:0a:58:00:zz", address, gateway, 0},
		{mac, "10.88.0.5", gateway, 0}, {mac, "10.88.0.5/33", gateway, 0}, {mac, "fd00::5/64", gateway, 0},
		{mac, address, "", 0}, {mac, address, "fd00::1", 0}, {mac, address, gateway, -1}, {mac, address, gateway, 70000},
	} {
		if got, err := ParsePlace(p.mac, p.address, p.gateway, p.mtu); err == nil {
			t.Errorf("%v became %v", p, got)
		}
	}
}

func TestFilesThatResolveNames(t *testing.T) {
	if hosts, want := HostsFile("vm"), "127.0.0.1 localhost\n127.0.1.1 vm\n"; hosts != want {
		t.Errorf("%q", hosts)
	}
	resolv, err := ResolvFile([]string{"10.88.0.1", "1.1.1.1"})
	if want := "nameserver 10.88.0.1\nnameserver 1.1.1.1\noptions timeout:2 attempts:2\n"; err != nil || resolv != want {
		t.Errorf("%q, %v", resolv, err)
	}
	if empty, err := ResolvFile(nil); err != nil || empty != "" {
		t.Errorf("%q, %v", empty, err)
	}
	for _, name := range []string{"", "a b", "a\n1.2.3.4 evil", "-a", "a.", strings.Repeat("x", 254)} {
		if err := CheckName(name); err == nil {
			t.Errorf("the name %q was taken", name)
		}
	}
	if _, err := ResolvFile([]string{"1.1.1.1\noptions evil"}); err == nil {
		t.Error("a name server with a line break was taken")
	}
}

// Whatever the kernel, or what poses as it, sends: no panic.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 64))
	f.Add([]byte{20, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, datagram []byte) {
		c := &conn{seq: 1}
		bodies, _, _ := c.answers(datagram)
		for _, body := range bodies {
			attributes(body)
		}
	})
}
