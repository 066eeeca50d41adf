package main

import (
	"encoding/binary"
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// rule sends the frames that have all of the keys out of an interface; the first that fits a frame decides.
type rule struct {
	keys []netlink.TcU32Key
	to   int
}

// rulesOf gives what happens to the frames that come in on the tap or on its interface.
//
// Of a guest's frames only those with its own MAC go on, and none that is for a link-local group: a bridge hands these
// to the host itself, on the port they came in by, where no rule of a bridge or about a bridge is asked, and learns
// their source. What does not go on comes back to the guest, since an action that drops is a module that not every
// kernel has.
func (p pair) rulesOf(from netlink.LinkAttrs) []rule {
	if from.Index == p.veth.Index {
		return []rule{{to: p.tap.Index}}
	}
	return []rule{
		{keys: toLinkLocal, to: p.tap.Index},
		{keys: fromMac(p.veth.HardwareAddr), to: p.veth.Index},
		{to: p.tap.Index},
	}
}

// Where a frame's addresses begin, as seen from behind its header.
const (
	toOffset   = -14
	fromOffset = -8
)

// toLinkLocal finds 01:80:c2:00:00:00 to 0f, which IEEE 802.1D keeps from being bridged.
var toLinkLocal = []netlink.TcU32Key{
	{Off: toOffset, Val: 0x0180c200, Mask: 0xffffffff},
	{Off: toOffset + 4, Val: 0, Mask: 0xfff00000},
}

func fromMac(mac net.HardwareAddr) []netlink.TcU32Key {
	return []netlink.TcU32Key{
		{Off: fromOffset, Val: binary.BigEndian.Uint32(mac), Mask: 0xffffffff},
		{Off: fromOffset + 4, Val: uint32(binary.BigEndian.Uint16(mac[4:])) << 16, Mask: 0xffff0000},
	}
}

// redirect has the rules hold for what comes in on an interface. u32 without a key matches all, and is in kernels that
// have no matchall.
func redirect(index int, rules []rule) error {
	for at, rule := range rules {
		filter := &netlink.U32{
			FilterAttrs: netlink.FilterAttrs{
				LinkIndex: index, Parent: ingress, Priority: uint16(at + 1), Protocol: unix.ETH_P_ALL,
			},
			Actions: []netlink.Action{netlink.NewMirredAction(rule.to)},
		}
		if len(rule.keys) > 0 {
			filter.Sel = &netlink.TcU32Sel{Flags: netlink.TC_U32_TERMINAL, Nkeys: uint8(len(rule.keys)), Keys: rule.keys}
		}
		if err := netlink.FilterAdd(filter); err != nil {
			return err
		}
	}
	return nil
}

// redirects is true when these rules, and no others, hold for what comes in on an interface.
func redirects(from netlink.Link, rules []rule) (bool, error) {
	filters, err := netlink.FilterList(from, ingress)
	if err != nil {
		return false, err
	}
	held := map[uint16]rule{}
	for _, filter := range filters {
		if u32, ok := filter.(*netlink.U32); ok && u32.Sel != nil {
			held[u32.Priority] = rule{keys: keysOf(u32.Sel), to: target(u32.Actions)}
		}
	}
	for at, want := range rules {
		got, ok := held[uint16(at+1)]
		if !ok || got.to != want.to || !slices.Equal(got.keys, want.keys) {
			return false, nil
		}
	}
	return len(held) == len(rules), nil
}

// keysOf leaves out the key that matches all, which stands for none.
func keysOf(sel *netlink.TcU32Sel) (keys []netlink.TcU32Key) {
	for _, key := range sel.Keys {
		if key.Mask != 0 {
			keys = append(keys, key)
		}
	}
	return keys
}

// target is where the actions send a frame, 0 for nowhere.
func target(actions []netlink.Action) int {
	for _, action := range actions {
		if mirred, ok := action.(*netlink.MirredAction); ok && mirred.MirredAction == netlink.TCA_EGRESS_REDIR {
			return mirred.Ifindex
		}
	}
	return 0
}
