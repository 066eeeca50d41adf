// Package network gives a vm its place in a network: address, route and MAC by netlink, and the files that resolve
// names. IPv4 only, as is the network it is meant for.
package network

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Place is where an interface is to be.
type Place struct {
	MAC     string
	Address netip.Prefix
	Gateway netip.Addr
	MTU     int // 0 leaves it
}

// ParsePlace reads the words of the protocol.
func ParsePlace(mac, address, gateway string, mtu int) (Place, error) {
	prefix, err := netip.ParsePrefix(address)
	if err != nil {
		return Place{}, fmt.Errorf("address: %w", err)
	}
	router, err := netip.ParseAddr(gateway)
	if err != nil {
		return Place{}, fmt.Errorf("gateway: %w", err)
	}
	if _, err := parseMAC(mac); err != nil {
		return Place{}, err
	}
	switch {
	case !prefix.Addr().Is4() || !router.Is4():
		return Place{}, fmt.Errorf("address %s and gateway %s must be IPv4", address, gateway)
	case mtu < 0 || mtu > 65535:
		return Place{}, fmt.Errorf("an MTU of %d", mtu)
	}
	return Place{MAC: mac, Address: prefix, Gateway: router, MTU: mtu}, nil
}

func parseMAC(text string) ([]byte, error) {
	mac, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
	if err != nil || len(mac) != 6 || len(text) != 17 {
		return nil, fmt.Errorf("the MAC %q is not of the form 06:00:0a:58:00:05", text)
	}
	return mac, nil
}

// Up brings an interface up as it is; it is for the loopback.
func Up(name string) error {
	link, c, err := open(name)
	if err != nil {
		return err
	}
	defer c.close()
	return c.setLink(link, nil, 0)
}

// Configure puts an interface in its place, whatever it had before: in a clone that is the template's.
func Configure(name string, place Place) error {
	link, c, err := open(name)
	if err != nil {
		return err
	}
	defer c.close()
	mac, err := parseMAC(place.MAC)
	if err != nil {
		return err
	}
	if has, err := os.ReadFile(filepath.Join("/sys/class/net", name, "address")); err == nil {
		if held, err := parseMAC(strings.TrimSpace(string(has))); err == nil && bytes.Equal(held, mac) {
			mac = nil
		}
	}
	if err := c.setLink(link, mac, place.MTU); err != nil {
		return fmt.Errorf("%s: setting MAC and MTU: %w", name, err)
	}
	if err := c.setAddress(link, place.Address); err != nil {
		return fmt.Errorf("%s: address %s: %w", name, place.Address, err)
	}
	if err := c.setDefaultRoute(link, place.Gateway); err != nil {
		return fmt.Errorf("%s: route to %s: %w", name, place.Gateway, err)
	}
	return nil
}

func open(name string) (link uint32, c *conn, err error) {
	if c, err = dial(); err != nil {
		return 0, nil, err
	}
	if link, err = c.index(name); err != nil {
		c.close()
		return 0, nil, err
	}
	return link, c, nil
}

// index asks netlink rather than /sys, which shows the network namespace it was mounted in.
func (c *conn) index(name string) (uint32, error) {
	links, err := c.list(unix.RTM_GETLINK, make(message, unix.SizeofIfInfomsg))
	if err != nil {
		return 0, err
	}
	for _, link := range links {
		if len(link) < unix.SizeofIfInfomsg {
			continue
		}
		if bytes.Equal(bytes.TrimRight(attributes(link[unix.SizeofIfInfomsg:])[unix.IFLA_IFNAME], "\x00"), []byte(name)) {
			return binary.NativeEndian.Uint32(link[4:]), nil
		}
	}
	return 0, fmt.Errorf("there is no interface %s", name)
}

// setLink brings a link up, with MAC and MTU where given.
func (c *conn) setLink(index uint32, mac []byte, mtu int) error {
	body := make(message, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(body[4:], index)
	binary.NativeEndian.PutUint32(body[8:], unix.IFF_UP)
	binary.NativeEndian.PutUint32(body[12:], unix.IFF_UP)
	if mac != nil {
		body = body.attribute(unix.IFLA_ADDRESS, mac)
	}
	if mtu > 0 {
		body = body.number(unix.IFLA_MTU, uint32(mtu))
	}
	return c.change(unix.RTM_NEWLINK, 0, body)
}

// setAddress makes an address the only one of a link. Routes through the addresses that go, go with them.
func (c *conn) setAddress(index uint32, address netip.Prefix) error {
	held, err := c.list(unix.RTM_GETADDR, message{unix.AF_INET, 0, 0, 0, 0, 0, 0, 0})
	if err != nil {
		return err
	}
	local := address.Addr().AsSlice()
	there := false
	for _, one := range held {
		if len(one) < unix.SizeofIfAddrmsg || binary.NativeEndian.Uint32(one[4:]) != index {
			continue
		}
		if bytes.Equal(attributes(one[unix.SizeofIfAddrmsg:])[unix.IFA_LOCAL], local) && int(one[1]) == address.Bits() {
			there = true
			continue
		}
		if err := c.change(unix.RTM_DELADDR, 0, one); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
			return fmt.Errorf("removing the address before it: %w", err)
		}
	}
	if there {
		return nil
	}
	body := make(message, unix.SizeofIfAddrmsg)
	body[0], body[1] = unix.AF_INET, byte(address.Bits())
	binary.NativeEndian.PutUint32(body[4:], index)
	body = body.attribute(unix.IFA_LOCAL, local).attribute(unix.IFA_ADDRESS, local)
	if bits := address.Bits(); bits < 31 {
		last := binary.BigEndian.Uint32(local) | 1<<(32-bits) - 1
		body = body.attribute(unix.IFA_BROADCAST, binary.BigEndian.AppendUint32(nil, last))
	}
	return c.change(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, body)
}

func (c *conn) setDefaultRoute(index uint32, gateway netip.Addr) error {
	body := make(message, unix.SizeofRtMsg)
	body[0] = unix.AF_INET
	body[4], body[5], body[6], body[7] = unix.RT_TABLE_MAIN, unix.RTPROT_STATIC, unix.RT_SCOPE_UNIVERSE, unix.RTN_UNICAST
	body = body.attribute(unix.RTA_GATEWAY, gateway.AsSlice()).number(unix.RTA_OIF, index)
	return c.change(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, body)
}
