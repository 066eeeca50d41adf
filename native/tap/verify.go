package main

import (
	"fmt"
	"net"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/vishvananda/netlink"
)

// wanted is what CHECK compares with.
type wanted struct {
	tapName  string
	guestMac string
	owner    tapSpec
}

// verify says what is no longer as ADD left it. Called in the network namespace.
func verify(ifName string, want wanted) error {
	veth, err := netlink.LinkByName(ifName)
	if err != nil {
		return changed("the interface %s: %v", ifName, err)
	}
	link, err := netlink.LinkByName(want.tapName)
	if err != nil {
		return changed("the tap %s: %v", want.tapName, err)
	}
	tap, ok := link.(*netlink.Tuntap)
	if !ok || tap.Mode != netlink.TUNTAP_MODE_TAP {
		return changed("%s is not a tap", want.tapName)
	}
	if err := verifyTap(tap, veth, want); err != nil {
		return err
	}
	joined := pair{tap: *tap.Attrs(), veth: *veth.Attrs()}
	for _, from := range []netlink.Link{tap, veth} {
		name := from.Attrs().Name
		if has, err := hasIngress(from); err != nil || !has {
			return changed("%s has no ingress qdisc (%v)", name, err)
		}
		if does, err := redirects(from, joined.rulesOf(*from.Attrs())); err != nil || !does {
			return changed("%s does not redirect what comes in (%v)", name, err)
		}
	}
	return nil
}

func verifyTap(tap *netlink.Tuntap, veth netlink.Link, want wanted) error {
	if tap.Flags&netlink.TUNTAP_MULTI_QUEUE != 0 || tap.Flags&netlink.TUNTAP_VNET_HDR == 0 {
		return changed("the tap %s has several queues or no virtio header", want.tapName)
	}
	if want.owner.ownerGiven && (tap.Owner != want.owner.uid || tap.Group != want.owner.gid) {
		return changed("the tap %s belongs to %d:%d, not %d:%d", want.tapName, tap.Owner, tap.Group, want.owner.uid, want.owner.gid)
	}
	if tap.Attrs().Flags&net.FlagUp == 0 {
		return changed("the tap %s is down", want.tapName)
	}
	if tap.Attrs().MTU != veth.Attrs().MTU {
		return changed("the tap %s has MTU %d, its interface %d", want.tapName, tap.Attrs().MTU, veth.Attrs().MTU)
	}
	if mac := veth.Attrs().HardwareAddr.String(); mac != want.guestMac {
		return changed("the interface has MAC %s, the guest was given %s", mac, want.guestMac)
	}
	return nil
}

func changed(format string, values ...any) error {
	return types.NewError(codeNotAsAdded, fmt.Sprintf("not as ADD left it: "+format, values...), "")
}
