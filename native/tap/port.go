package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"

	"github.com/containernetworking/cni/pkg/types"
	current "github.com/containernetworking/cni/pkg/types/100"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// closePorts has a bridge send to the guest's port what is for the guest's MAC, and nothing else: it neither learns from
// the port, so that no guest takes another's frames to itself or fills the bridge's table, nor floods to it what it knows
// no port for, such as the answers to a guest that has ended. Called in the host's network namespace.
func closePorts(result *current.Result, mac net.HardwareAddr) error {
	return eachPort(result, func(port netlink.Link) error {
		name := port.Attrs().Name
		if err := netlink.LinkSetLearning(port, false); err != nil {
			return failed("keep the bridge from learning from "+name, err)
		}
		if err := netlink.LinkSetFlood(port, false); err != nil {
			return failed("keep the bridge from flooding to "+name, err)
		}
		if err := netlink.NeighSet(entryOf(port, mac)); err != nil {
			return failed(fmt.Sprintf("tell the bridge that %s is behind %s", mac, name), err)
		}
		return nil
	})
}

// verifyPorts says what of a bridge's ports is no longer as closePorts left it.
func verifyPorts(result *current.Result, mac net.HardwareAddr) error {
	return eachPort(result, func(port netlink.Link) error {
		name := port.Attrs().Name
		flags, err := netlink.LinkGetProtinfo(port)
		if err != nil {
			return changed("the port %s: %v", name, err)
		}
		if flags.Learning || flags.Flood {
			return changed("the bridge learns from the port %s, or floods to it", name)
		}
		entries, err := netlink.NeighList(port.Attrs().Index, unix.AF_BRIDGE)
		if err != nil {
			return changed("the entries of the port %s: %v", name, err)
		}
		for _, entry := range entries {
			if bytes.Equal(entry.HardwareAddr, mac) && entry.State&netlink.NUD_NOARP != 0 {
				return nil
			}
		}
		return changed("the bridge does not know that %s is behind %s", mac, name)
	})
}

// entryOf is one that stays until the port goes.
func entryOf(port netlink.Link, mac net.HardwareAddr) *netlink.Neigh {
	return &netlink.Neigh{
		LinkIndex: port.Attrs().Index, Family: unix.AF_BRIDGE, Flags: netlink.NTF_MASTER,
		State: netlink.NUD_NOARP, HardwareAddr: mac,
	}
}

// eachPort does something with those of the host's interfaces in a result that are the port of a bridge: none, where the
// plugin before made no bridge.
func eachPort(result *current.Result, act func(netlink.Link) error) error {
	var errs []error
	for _, i := range result.Interfaces {
		if i.Sandbox != "" {
			continue
		}
		link, err := netlink.LinkByName(i.Name)
		if err != nil {
			errs = append(errs, types.NewError(types.ErrInternal, fmt.Sprintf("cannot find the interface %s of prevResult", i.Name), err.Error()))
		} else if link.Attrs().MasterIndex != 0 {
			errs = append(errs, act(link))
		}
	}
	return errors.Join(errs...)
}
