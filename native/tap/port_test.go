package main

import (
	"bytes"
	"net"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestTheBridgeKnowsTheGuestsPortAndLearnsNothingFromIt(t *testing.T) {
	space := newSpace(t).bridged(t)
	space.add(t, "")
	space.onHost(t, func() error {
		port, err := netlink.LinkByName("veth1")
		if err != nil {
			return err
		}
		flags, err := netlink.LinkGetProtinfo(port)
		if err != nil {
			return err
		}
		if flags.Learning || flags.Flood {
			t.Errorf("the bridge learns from the port (%v) or floods to it (%v)", flags.Learning, flags.Flood)
		}
		mac, err := net.ParseMAC(space.mac)
		if err != nil {
			return err
		}
		entries, err := netlink.NeighList(port.Attrs().Index, unix.AF_BRIDGE)
		for _, entry := range entries {
			if bytes.Equal(entry.HardwareAddr, mac) {
				return err
			}
		}
		t.Errorf("no entry of the bridge leads to %s: %v", mac, entries)
		return err
	})
}

func TestCheckSeesEveryChangeOfThePort(t *testing.T) {
	change := map[string]func(port netlink.Link, mac net.HardwareAddr) error{
		"learns from":   func(port netlink.Link, _ net.HardwareAddr) error { return netlink.LinkSetLearning(port, true) },
		"floods to":     func(port netlink.Link, _ net.HardwareAddr) error { return netlink.LinkSetFlood(port, true) },
		"does not know": func(port netlink.Link, mac net.HardwareAddr) error { return netlink.NeighDel(entryOf(port, mac)) },
	}
	for words, act := range change {
		t.Run(words, func(t *testing.T) {
			space := newSpace(t).bridged(t)
			result := space.add(t, "")
			space.succeed(t, call{command: "CHECK", prev: result.raw})
			space.onHost(t, func() error {
				port, err := netlink.LinkByName("veth1")
				if err != nil {
					return err
				}
				mac, err := net.ParseMAC(space.mac)
				if err != nil {
					return err
				}
				return act(port, mac)
			})
			space.expectNotAsAdded(t, result, words)
		})
	}
}

func TestAddWithoutTheHostsEndLeavesNothing(t *testing.T) {
	space := newSpace(t)
	prev := `{"cniVersion":"1.0.0","interfaces":[{"name":"veth9"}]}`
	if refusal := space.refuse(t, call{command: "ADD", prev: []byte(prev)}); !strings.Contains(refusal.Msg, "veth9") {
		t.Errorf("ADD gave %+v", refusal)
	}
	space.expectLinks(t, "eth0")
	space.add(t, "")
}
