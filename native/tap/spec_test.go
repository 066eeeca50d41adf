package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
)

func TestAddGivesTheResultThatTcRedirectTapGives(t *testing.T) {
	space := newSpace(t)
	result := space.add(t, "TC_REDIRECT_TAP_NAME=vm7;TC_REDIRECT_TAP_UID=1234;TC_REDIRECT_TAP_GID=5678;IgnoreUnknown=1;K8S=x")

	if result.CNIVersion != "1.0.0" {
		t.Errorf("cniVersion is %q", result.CNIVersion)
	}
	names := []string{}
	for _, i := range result.Interfaces {
		names = append(names, i.Name+"@"+i.Sandbox)
	}
	want := []string{"vulcan0@", "veth1@", "eth0@" + space.path, "vm7@" + space.path, "vm7@test-1"}
	if !slices.Equal(names, want) {
		t.Errorf("interfaces are %v, not %v", names, want)
	}
	if result.Interfaces[4].Mac != space.mac {
		t.Errorf("the guest's MAC is %s, the container's interface has %s", result.Interfaces[4].Mac, space.mac)
	}
	if result.Interfaces[3].Mac == space.mac || result.Interfaces[3].Mac == "" {
		t.Errorf("the tap's MAC is %q", result.Interfaces[3].Mac)
	}
	if len(result.IPs) != 2 || *result.IPs[1].Interface != 4 || result.IPs[1].Address != "10.88.0.5/16" || result.IPs[1].Gateway != "10.88.0.1" {
		t.Errorf("addresses are %+v", result.IPs)
	}
	tap := space.tap(t, "vm7")
	if tap.Owner != 1234 || tap.Group != 5678 {
		t.Errorf("the tap belongs to %d:%d", tap.Owner, tap.Group)
	}
	if tap.Flags&netlink.TUNTAP_MULTI_QUEUE != 0 || tap.Flags&netlink.TUNTAP_VNET_HDR == 0 || tap.MTU != vethMTU {
		t.Errorf("the tap has flags %x and MTU %d", tap.Flags, tap.MTU)
	}
}

func TestAddTwiceIsAnErrorThatLeavesTheFirst(t *testing.T) {
	space := newSpace(t)
	result := space.add(t, "")
	if refusal := space.refuse(t, call{command: "ADD"}); refusal.Code != codeAlreadyThere || !strings.Contains(refusal.Msg, "tap0") {
		t.Errorf("the second ADD gave %+v", refusal)
	}
	// Under another name it is the interface that is taken.
	again := call{command: "ADD", args: "TC_REDIRECT_TAP_NAME=other"}
	if refusal := space.refuse(t, again); refusal.Code != codeAlreadyThere || !strings.Contains(refusal.Msg, "eth0") {
		t.Errorf("the second ADD gave %+v", refusal)
	}
	space.expectLinks(t, "eth0", "tap0")
	space.succeed(t, call{command: "CHECK", prev: result.raw})
}

func TestAddThatFailsLeavesNothing(t *testing.T) {
	space := newSpace(t)
	refusal := space.refuse(t, call{command: "ADD", ifName: "eth9"})
	if !strings.Contains(refusal.Msg, "eth9") {
		t.Errorf("ADD without the interface gave %+v", refusal)
	}
	space.expectLinks(t, "eth0")
	space.add(t, "")
}

func TestDelTwiceWithAndWithoutPrevResult(t *testing.T) {
	for _, withPrev := range []bool{true, false} {
		t.Run(fmt.Sprintf("prevResult %v", withPrev), func(t *testing.T) {
			space := newSpace(t)
			result := space.add(t, "TC_REDIRECT_TAP_NAME=vm7")
			del := call{command: "DEL", args: "TC_REDIRECT_TAP_NAME=vm7"}
			if withPrev {
				del = call{command: "DEL", prev: result.raw}
			} else {
				del.noPrev = true
			}
			space.succeed(t, del)
			space.expectLinks(t, "eth0")
			space.succeed(t, del)
			space.add(t, "")
		})
	}
}

func TestDelAfterTheInterfaceIsGone(t *testing.T) {
	space := newSpace(t)
	result := space.add(t, "")
	space.inside(t, func() error {
		link, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		return netlink.LinkDel(link)
	})
	space.succeed(t, call{command: "DEL", prev: result.raw})
	space.expectLinks(t)
}

func TestDelWithoutNetns(t *testing.T) {
	for _, path := range []string{"", "/nowhere/netns", "/proc/0/ns/net"} {
		if out, code := (call{command: "DEL", netns: path, noNetns: path == ""}).run(t); code != 0 {
			t.Errorf("DEL with netns %q: %s", path, out)
		}
	}
}

func TestDelLeavesWhatIsNotATap(t *testing.T) {
	space := newSpace(t)
	space.inside(t, func() error {
		return netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "tap0"}})
	})
	space.succeed(t, call{command: "DEL"})
	space.expectLinks(t, "eth0", "tap0")
}

func TestCheckSeesEveryChange(t *testing.T) {
	change := map[string]func(eth0, tap netlink.Link) error{
		"tap0":         func(_, tap netlink.Link) error { return netlink.LinkDel(tap) },
		"is down":      func(_, tap netlink.Link) error { return netlink.LinkSetDown(tap) },
		"has MTU":      func(_, tap netlink.Link) error { return netlink.LinkSetMTU(tap, 1280) },
		"has MAC":      func(eth0, _ netlink.Link) error { return netlink.LinkSetHardwareAddr(eth0, []byte{2, 0, 0, 0, 0, 9}) },
		"eth0 has no":  func(netlink.Link, netlink.Link) error { return removeIngress("eth0") },
		"tap0 has no":  func(netlink.Link, netlink.Link) error { return removeIngress("tap0") },
		"not redirect": func(eth0, _ netlink.Link) error { return removeFilters(eth0) },
	}
	for words, act := range change {
		t.Run(words, func(t *testing.T) {
			space := newSpace(t)
			result := space.add(t, "")
			space.succeed(t, call{command: "CHECK", prev: result.raw})
			space.inside(t, func() error {
				eth0, err := netlink.LinkByName("eth0")
				if err != nil {
					return err
				}
				tap, err := netlink.LinkByName("tap0")
				if err != nil {
					return err
				}
				return act(eth0, tap)
			})
			space.expectNotAsAdded(t, result, words)
		})
	}
}

func TestCheckSeesAnotherOwner(t *testing.T) {
	space := newSpace(t)
	result := space.add(t, "TC_REDIRECT_TAP_UID=1234")
	refusal := space.refuse(t, call{command: "CHECK", prev: result.raw, args: "TC_REDIRECT_TAP_UID=99"})
	if refusal.Code != codeNotAsAdded || !strings.Contains(refusal.Msg, "1234") {
		t.Errorf("CHECK gave %+v", refusal)
	}
}

func TestVersion(t *testing.T) {
	out, code := call{command: "VERSION"}.run(t)
	var answer struct {
		CNIVersion        string
		SupportedVersions []string
	}
	if err := json.Unmarshal(out, &answer); err != nil || code != 0 {
		t.Fatalf("VERSION: %v: %s", err, out)
	}
	if !slices.Equal(answer.SupportedVersions, []string{"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"}) {
		t.Errorf("supports %v", answer.SupportedVersions)
	}
}

func TestEveryVersionThatVersionNames(t *testing.T) {
	for _, version := range versions.SupportedVersions() {
		t.Run(version, func(t *testing.T) {
			space := newSpace(t)
			out := space.succeed(t, call{command: "ADD", version: version})
			var result struct{ CNIVersion string }
			if err := json.Unmarshal(out, &result); err != nil || result.CNIVersion != version {
				t.Errorf("%v: %s", err, out)
			}
			space.succeed(t, call{command: "DEL", version: version, prev: out})
			space.expectLinks(t, "eth0")
		})
	}
}

func TestStatusAndGC(t *testing.T) {
	for _, command := range []string{"STATUS", "GC"} {
		if out, code := (call{command: command, version: "1.1.0", noPrev: true}).run(t); code != 0 {
			t.Errorf("%s: %s", command, out)
		}
	}
}

func TestBadInput(t *testing.T) {
	space := newSpace(t)
	cases := map[string]struct {
		call call
		code uint
	}{
		"no container id":        {call{command: "ADD", containerID: "-"}, 4},
		"no interface":           {call{command: "ADD", ifName: "-"}, 4},
		"no netns":               {call{command: "ADD", noNetns: true}, 4},
		"netns is not there":     {call{command: "ADD", netns: "/nowhere"}, 8},
		"netns is a file":        {call{command: "ADD", netns: "/etc/passwd"}, 8},
		"unknown command":        {call{command: "PLAY"}, 4},
		"not JSON":               {call{command: "ADD", stdin: "{"}, 6},
		"no name":                {call{command: "ADD", stdin: `{"cniVersion":"1.0.0","type":"vulcan-tap"}`}, 7},
		"version of the future":  {call{command: "ADD", version: "9.0.0"}, 1},
		"version without chains": {call{command: "ADD", version: "0.2.0"}, 1},
		"not chained":            {call{command: "ADD", noPrev: true}, 7},
		"CHECK without result":   {call{command: "CHECK", noPrev: true}, 7},
		"CHECK of another":       {call{command: "CHECK"}, codeNotAsAdded},
		"prevResult of nonsense": {call{command: "ADD", prev: []byte(`{"cniVersion":"1.0.0","ips":7}`)}, 6},
		"arguments without =":    {call{command: "ADD", args: "FOO"}, 4},
		"uid is a word":          {call{command: "ADD", args: "TC_REDIRECT_TAP_UID=root"}, 4},
		"uid is nobody at all":   {call{command: "ADD", args: "TC_REDIRECT_TAP_UID=4294967295"}, 4},
		"gid is negative":        {call{command: "ADD", args: "TC_REDIRECT_TAP_GID=-1"}, 4},
		"name is too long":       {call{command: "ADD", args: "TC_REDIRECT_TAP_NAME=sixteencharacter"}, 4},
		"name is a pattern":      {call{command: "ADD", args: "TC_REDIRECT_TAP_NAME=tap%d"}, 4},
		"name is the interface":  {call{command: "ADD", args: "TC_REDIRECT_TAP_NAME=eth0"}, 4},
	}
	for name, bad := range cases {
		t.Run(name, func(t *testing.T) {
			if refusal := space.refuse(t, bad.call); refusal.Code != bad.code {
				t.Errorf("code %d instead of %d: %s", refusal.Code, bad.code, refusal.Msg)
			}
		})
	}
	space.expectLinks(t, "eth0")
}
