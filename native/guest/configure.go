package main

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"vulcan/native/guest/fault"
	"vulcan/native/guest/network"
	"vulcan/native/guest/session"
)

// configure tells the vm who and where it is. A clone is told anew: clock and random pool first, since they are the
// template's.
func configure(c session.Configuration) error {
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"clock", func() error { return setClock(c.TimeUnixNs) }},
		{"entropy", func() error { return addEntropy(c.Entropy) }},
		{"boot id", newBootID},
		{"hostname", func() error { return setHostName(c.Hostname) }},
		{"network", func() error { return setNetwork(c.Network) }},
		{"hosts", func() error { return writeNames(c) }},
	} {
		if err := step.do(); err != nil {
			return fault.New(fault.ConfigureFailed, step.name, "setting the %s failed: %w", step.name, err)
		}
	}
	return nil
}

func setClock(text string) error {
	ns, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ns <= 0 {
		return fmt.Errorf("%q is no time in nanoseconds", text)
	}
	now := unix.NsecToTimespec(ns)
	return unix.ClockSettime(unix.CLOCK_REALTIME, &now)
}

// addEntropy credits what the host gave and has the generator use it at once: two clones would else draw the same.
func addEntropy(entropy []byte) error {
	if len(entropy) == 0 {
		return nil
	}
	pool, err := os.OpenFile("/dev/random", os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer pool.Close()
	// struct rand_pool_info: bits, bytes, the bytes themselves.
	info := binary.NativeEndian.AppendUint32(nil, uint32(8*len(entropy)))
	info = binary.NativeEndian.AppendUint32(info, uint32(len(entropy)))
	info = append(info, entropy...)
	if err := ioctlBytes(pool, unix.RNDADDENTROPY, info); err != nil {
		return err
	}
	return unix.IoctlSetInt(int(pool.Fd()), unix.RNDRESEEDCRNG, 0)
}

// bootIDPath is where programs look for what tells one boot from another.
const bootIDPath, ownBootID = "/proc/sys/kernel/random/boot_id", "/run/boot_id"

// newBootID covers the kernel's, which all clones of a template have in common, by one that only this vm has.
func newBootID() error {
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return err
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	text := fmt.Sprintf("%x-%x-%x-%x-%x\n", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
	_, err := os.Stat(ownBootID)
	covered := err == nil
	if err := os.WriteFile(ownBootID, []byte(text), 0o444); err != nil || covered {
		return err
	}
	return unix.Mount(ownBootID, bootIDPath, "", unix.MS_BIND, "")
}

func setHostName(name string) error {
	if err := network.CheckName(name); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte(name)); err != nil {
		return err
	}
	return network.Replace("/etc/hostname", name+"\n")
}

func setNetwork(n *session.Network) error {
	if n == nil {
		return nil
	}
	place, err := network.ParsePlace(n.MAC, n.Address, n.Gateway, n.MTU)
	if err != nil {
		return err
	}
	return network.Configure("eth0", place)
}

func writeNames(c session.Configuration) error {
	var nameservers []string
	if c.Network != nil {
		nameservers = c.Network.Nameservers
	}
	resolv, err := network.ResolvFile(nameservers)
	if err != nil {
		return err
	}
	if err := network.Replace("/etc/hosts", network.HostsFile(c.Hostname)); err != nil {
		return err
	}
	return network.Replace("/etc/resolv.conf", resolv)
}
