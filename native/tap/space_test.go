package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const vethMTU = 1420

// plugin is the binary under test: the specification is about a process, so the tests run one.
var plugin string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "vulcan-tap")
	if err != nil {
		panic(err)
	}
	plugin = filepath.Join(folder, "vulcan-tap")
	if out, err := exec.Command("go", "build", "-o", plugin, ".").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v: %s", err, out))
	}
	code := m.Run()
	if err := os.RemoveAll(folder); err != nil {
		panic(err)
	}
	os.Exit(code)
}

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

type result struct {
	CNIVersion string
	Interfaces []struct{ Name, Mac, Sandbox string }
	IPs        []struct {
		Address, Gateway string
		Interface        *int
	}
	raw []byte
}

type refusal struct {
	Code uint
	Msg  string
}

func (s *space) add(t *testing.T, args string) (r result) {
	t.Helper()
	r.raw = s.succeed(t, call{command: "ADD", args: args})
	if err := json.Unmarshal(r.raw, &r); err != nil {
		t.Fatalf("%v: %s", err, r.raw)
	}
	return r
}

func (s *space) succeed(t *testing.T, c call) []byte {
	t.Helper()
	out, code := s.fill(c).run(t)
	if code != 0 {
		t.Fatalf("%s exited with %d: %s", c.command, code, out)
	}
	return out
}

// refuse expects a failure in the form the specification gives errors.
func (s *space) refuse(t *testing.T, c call) (r refusal) {
	t.Helper()
	out, code := s.fill(c).run(t)
	if code == 0 {
		t.Fatalf("%s succeeded: %s", c.command, out)
	}
	if err := json.Unmarshal(out, &r); err != nil || r.Msg == "" {
		t.Fatalf("%s: an error that is none: %v: %s", c.command, err, out)
	}
	return r
}

func (s *space) fill(c call) call {
	if c.netns == "" && !c.noNetns {
		c.netns = s.path
	}
	if c.prev == nil && !c.noPrev {
		c.prev = fmt.Appendf(nil, `{"cniVersion":"1.0.0","interfaces":[{"name":"vulcan0","mac":"02:00:00:00:00:01"},
			{"name":"veth1","mac":"02:00:00:00:00:02"},{"name":"eth0","mac":%q,"sandbox":%q}],
			"ips":[{"interface":2,"address":"10.88.0.5/16","gateway":"10.88.0.1"}]}`, s.mac, s.path)
		if c.version != "" && c.version < "1.0.0" {
			c.prev = bytes.ReplaceAll(c.prev, []byte(`"interface":2,`), []byte(`"interface":2,"version":"4",`))
			c.prev = bytes.Replace(c.prev, []byte(`"1.0.0"`), fmt.Appendf(nil, "%q", c.version), 1)
		}
	}
	return c
}

// call is one run of the plugin: its environment and its standard input. "-" leaves a variable out.
type call struct {
	command, containerID, netns, ifName, args, version string
	noNetns, noPrev                                    bool
	prev                                               []byte
	stdin                                              string
}

func (c call) run(t *testing.T) ([]byte, int) {
	t.Helper()
	command := exec.Command(plugin)
	command.Env = []string{"CNI_COMMAND=" + c.command, "CNI_PATH=/nowhere", "CNI_ARGS=" + c.args}
	for key, value := range map[string]string{
		"CNI_CONTAINERID": orElse(c.containerID, "test-1"), "CNI_IFNAME": orElse(c.ifName, "eth0"), "CNI_NETNS": orElse(c.netns, "-"),
	} {
		if value != "-" {
			command.Env = append(command.Env, key+"="+value)
		}
	}
	prev := ""
	if c.prev != nil {
		prev = `,"prevResult":` + string(c.prev)
	}
	stdin := fmt.Sprintf(`{"cniVersion":%q,"name":"test","type":"vulcan-tap"%s}`, orElse(c.version, "1.0.0"), prev)
	command.Stdin = strings.NewReader(orElse(c.stdin, stdin))
	var out, words bytes.Buffer
	command.Stdout, command.Stderr = &out, &words
	var exit *exec.ExitError
	if err := command.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %s", err, words.Bytes())
	}
	return out.Bytes(), command.ProcessState.ExitCode()
}

func orElse(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
