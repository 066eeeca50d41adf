package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/containernetworking/cni/pkg/types"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const tunDevice = "/dev/net/tun"

// ingress is the handle of an interface's ingress qdisc, and so the parent of its filters.
var ingress = netlink.MakeHandle(0xffff, 0)

// pair is the tap and the interface it is joined to, as they were when ADD ended.
type pair struct {
	tap, veth netlink.LinkAttrs
}

// connect makes the tap and joins it to the interface. Called in the network namespace; leaves nothing when it fails.
func connect(ifName string, spec tapSpec) (made pair, err error) {
	veth, err := netlink.LinkByName(ifName)
	if err != nil {
		return made, failed("find the interface "+ifName, err)
	}
	if _, err := netlink.LinkByName(spec.name); err == nil {
		return made, types.NewError(codeAlreadyThere, fmt.Sprintf("%s is there already: ADD came twice without DEL", spec.name), "")
	}
	if has, err := hasIngress(veth); err != nil {
		return made, failed("list the qdiscs of "+ifName, err)
	} else if has {
		return made, types.NewError(codeAlreadyThere, fmt.Sprintf("%s has an ingress qdisc already: its frames go elsewhere", ifName), "")
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, disconnect(ifName, spec.name))
		}
	}()
	tap, err := makeTap(spec, veth.Attrs().MTU)
	if err != nil {
		return made, err
	}
	for _, link := range []netlink.Link{tap, veth} {
		if err := addIngress(link); err != nil {
			return made, failed("add an ingress qdisc to "+link.Attrs().Name, err)
		}
	}
	made = pair{tap: *tap.Attrs(), veth: *veth.Attrs()}
	for _, from := range []netlink.LinkAttrs{made.tap, made.veth} {
		if err := redirect(from.Index, made.rulesOf(from)); err != nil {
			return made, failed("redirect what comes in on "+from.Name, err)
		}
	}
	return made, nil
}

// makeTap makes a persistent tap with one queue and virtio headers: what Firecracker opens.
func makeTap(spec tapSpec, mtu int) (netlink.Link, error) {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = spec.name
	device := &netlink.Tuntap{
		LinkAttrs: attrs,
		Mode:      netlink.TUNTAP_MODE_TAP,
		Flags:     netlink.TUNTAP_VNET_HDR | netlink.TUNTAP_NO_PI | netlink.TUNTAP_TUN_EXCL,
		Owner:     spec.uid,
		Group:     spec.gid,
	}
	if err := netlink.LinkAdd(device); err != nil {
		return nil, failed("make the tap "+spec.name, err)
	}
	tap, err := netlink.LinkByName(spec.name)
	if err != nil {
		return nil, failed("find the tap "+spec.name, err)
	}
	if err := netlink.LinkSetMTU(tap, mtu); err != nil {
		return nil, failed(fmt.Sprintf("set the MTU of %s to %d", spec.name, mtu), err)
	}
	if err := netlink.LinkSetUp(tap); err != nil {
		return nil, failed("set "+spec.name+" up", err)
	}
	return tap, nil
}

// disconnect removes the tap and the interface's ingress qdisc; what is not there is fine.
func disconnect(ifName, tapName string) error {
	return errors.Join(
		unlessMissing("remove the tap "+tapName, removeTap(tapName)),
		unlessMissing("remove the ingress qdisc of "+ifName, removeIngress(ifName)),
	)
}

// removeTap leaves an interface of that name alone that is no tap: it is not ours.
func removeTap(name string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	if _, isTap := link.(*netlink.Tuntap); !isTap {
		return nil
	}
	return netlink.LinkDel(link)
}

func addIngress(link netlink.Link) error {
	return netlink.QdiscAdd(&netlink.Ingress{QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: link.Attrs().Index, Handle: ingress, Parent: netlink.HANDLE_INGRESS,
	}})
}

func removeIngress(ifName string) error {
	link, err := netlink.LinkByName(ifName)
	if err != nil {
		return err
	}
	has, err := hasIngress(link)
	if err != nil || !has {
		return err
	}
	return netlink.QdiscDel(&netlink.Ingress{QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: link.Attrs().Index, Handle: ingress, Parent: netlink.HANDLE_INGRESS,
	}})
}

func hasIngress(link netlink.Link) (bool, error) {
	list, err := netlink.QdiscList(link)
	if err != nil {
		return false, err
	}
	for _, qdisc := range list {
		if qdisc.Attrs().Parent == netlink.HANDLE_INGRESS {
			return true, nil
		}
	}
	return false, nil
}

func tunUsable() error {
	file, err := os.OpenFile(tunDevice, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return file.Close()
}

func missing(err error) bool {
	var notFound netlink.LinkNotFoundError
	return errors.As(err, &notFound) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENOENT)
}

func unlessMissing(what string, err error) error {
	if err == nil || missing(err) {
		return nil
	}
	return failed(what, err)
}

func failed(what string, cause error) error {
	return types.NewError(types.ErrInternal, "cannot "+what, cause.Error())
}
