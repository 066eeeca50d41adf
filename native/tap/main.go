// Command vulcan-tap is a CNI plugin that gives a virtual machine the network interface a previous plugin made for a
// container: it adds a tap device to the network namespace and sends frames from the one to the other with tc, those of the
// guest only where they are its own. Where the interface is a bridge's port it sees to it that the bridge sends it nothing
// but the guest's.
// Arguments and result are those of tc-redirect-tap, so that either can be named in a configuration.
package main

import (
	"errors"
	"fmt"
	"net"

	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/types"
	current "github.com/containernetworking/cni/pkg/types/100"
	"github.com/containernetworking/cni/pkg/version"
	"github.com/containernetworking/plugins/pkg/ns"
)

// Codes of our own errors; the specification leaves 100 and up to plugins.
const (
	codeAlreadyThere uint = 100
	codeNotAsAdded   uint = 101
)

// codeNotAvailable is the specification's answer of STATUS when ADD cannot work.
const codeNotAvailable uint = 50

// Versions before 0.3.0 know neither chained plugins nor interfaces in a result.
var versions = version.PluginSupports("0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")

func main() {
	funcs := skel.CNIFuncs{Add: add, Check: check, Del: del, Status: status, GC: collect}
	skel.PluginMainFuncs(funcs, versions, "CNI plugin vulcan-tap")
}

func add(args *skel.CmdArgs) error {
	request, err := parse(args)
	if err != nil {
		return err
	}
	if request.prev == nil {
		return types.NewError(types.ErrInvalidNetworkConfig, "no prevResult: vulcan-tap is chained after the plugin that makes the interface", "")
	}
	space, err := ns.GetNS(args.Netns)
	if err != nil {
		return invalidNetns(args.Netns, err)
	}
	defer space.Close()

	var made pair
	err = space.Do(func(ns.NetNS) error {
		made, err = connect(args.IfName, request.tap)
		return err
	})
	if err != nil {
		return err
	}
	if err := closePorts(request.prev, made.veth.HardwareAddr); err != nil {
		undo := space.Do(func(ns.NetNS) error { return disconnect(args.IfName, request.tap.name) })
		return errors.Join(err, undo)
	}
	return types.PrintResult(withPair(request.prev, made, args), request.version)
}

// withPair appends what tc-redirect-tap appends: the tap, the interface as the guest sees it, and the addresses again
// for the latter. The guest's entry has the tap's name, and the container's id as its sandbox.
func withPair(result *current.Result, made pair, args *skel.CmdArgs) *current.Result {
	var addresses []*current.IPConfig
	for _, ip := range result.IPs {
		if ip.Interface == nil || *ip.Interface < 0 || *ip.Interface >= len(result.Interfaces) {
			continue
		}
		if on := result.Interfaces[*ip.Interface]; on.Name == args.IfName && on.Sandbox == args.Netns {
			addresses = append(addresses, ip)
		}
	}
	result.Interfaces = append(result.Interfaces,
		&current.Interface{Name: made.tap.Name, Sandbox: args.Netns, Mac: made.tap.HardwareAddr.String()},
		&current.Interface{Name: made.tap.Name, Sandbox: args.ContainerID, Mac: made.veth.HardwareAddr.String()},
	)
	guest := len(result.Interfaces) - 1
	for _, ip := range addresses {
		result.IPs = append(result.IPs, &current.IPConfig{Address: ip.Address, Gateway: ip.Gateway, Interface: &guest})
	}
	return result
}

// del removes whatever of ours is there. A namespace that is gone took everything along.
func del(args *skel.CmdArgs) error {
	if args.Netns == "" {
		return nil
	}
	space, err := ns.GetNS(args.Netns)
	if err != nil {
		var gone ns.NSPathNotExistErr
		var notOne ns.NSPathNotNSErr
		if errors.As(err, &gone) || errors.As(err, &notOne) {
			return nil
		}
		return invalidNetns(args.Netns, err)
	}
	defer space.Close()
	name := tapName(args)
	return space.Do(func(ns.NetNS) error { return disconnect(args.IfName, name) })
}

func check(args *skel.CmdArgs) error {
	request, err := parse(args)
	if err != nil {
		return err
	}
	if request.prev == nil {
		return types.NewError(types.ErrInvalidNetworkConfig, "no prevResult: CHECK compares with the result of ADD", "")
	}
	tap, guest := findPair(request.prev, args)
	if guest == nil {
		return types.NewError(codeNotAsAdded, fmt.Sprintf("prevResult has no tap and guest interface of %s", args.ContainerID), "")
	}
	space, err := ns.GetNS(args.Netns)
	if err != nil {
		return invalidNetns(args.Netns, err)
	}
	defer space.Close()
	mac, err := net.ParseMAC(guest.Mac)
	if err != nil {
		return changed("the guest was given the MAC %q", guest.Mac)
	}
	if err := verifyPorts(request.prev, mac); err != nil {
		return err
	}
	want := wanted{tapName: tap.Name, guestMac: guest.Mac, owner: request.tap}
	return space.Do(func(ns.NetNS) error { return verify(args.IfName, want) })
}

// findPair finds the guest's interface (its sandbox is the container's id) and the tap of the same name.
func findPair(result *current.Result, args *skel.CmdArgs) (tap, guest *current.Interface) {
	for _, i := range result.Interfaces {
		if i.Sandbox == args.ContainerID {
			guest = i
		}
	}
	if guest == nil {
		return nil, nil
	}
	for _, i := range result.Interfaces {
		if i.Name == guest.Name && i.Sandbox == args.Netns {
			return i, guest
		}
	}
	return nil, nil
}

// status says whether ADD could work at all: the one thing it needs from the host is the tun device.
func status(*skel.CmdArgs) error {
	if err := tunUsable(); err != nil {
		return types.NewError(codeNotAvailable, "tap devices cannot be made on this host", err.Error())
	}
	return nil
}

// collect has nothing to do: all we make lives and dies with the network namespace.
func collect(*skel.CmdArgs) error { return nil }

func invalidNetns(path string, cause error) error {
	return types.NewError(types.ErrInvalidNetNS, fmt.Sprintf("network namespace %q cannot be opened", path), cause.Error())
}
