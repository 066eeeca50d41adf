package inside

import (
	"fmt"
	"net"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const hostname = "vulcan-machine"

// sysctls are for a host of many short-lived network namespaces.
var sysctls = map[string]string{
	"net/ipv4/ip_forward":               "1",
	"net/ipv4/neigh/default/gc_thresh1": "4096",
	"net/ipv4/neigh/default/gc_thresh2": "8192",
	"net/ipv4/neigh/default/gc_thresh3": "16384",
	"net/ipv4/ip_local_port_range":      "20000 60999",
	"net/netfilter/nf_conntrack_max":    "262144",
	"fs/inotify/max_user_instances":     "1024",
	"kernel/io_uring_disabled":          "2",
	"kernel/panic":                      "-1",
	"kernel/printk":                     "4 4 1 7",
	"vm/max_map_count":                  "262144",
	"net/core/somaxconn":                "4096",
}

func setSysctls() error {
	for name, value := range sysctls {
		if err := os.WriteFile("/proc/sys/"+name, []byte(value), 0); err != nil {
			return fmt.Errorf("sysctl: %w", err)
		}
	}
	if err := os.WriteFile("/etc/hostname", []byte(hostname+"\n"), 0o644); err != nil {
		return err
	}
	return unix.Sethostname([]byte(hostname))
}

// The addresses are those of QEMU's user network: .2 is the host computer, .3 its name server.
func setNetwork() error {
	if err := up("lo", nil); err != nil {
		return err
	}
	if err := up("eth0", &net.IPNet{IP: net.IPv4(10, 0, 2, 15), Mask: net.CIDRMask(24, 32)}); err != nil {
		return err
	}
	if err := netlink.RouteAdd(&netlink.Route{Gw: net.IPv4(10, 0, 2, 2)}); err != nil {
		return fmt.Errorf("default route: %w", err)
	}
	// An image may hold a link into /run here.
	os.Remove("/etc/resolv.conf")
	if err := os.WriteFile("/etc/resolv.conf", []byte("nameserver 10.0.2.3\n"), 0o644); err != nil {
		return err
	}
	hosts := "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 " + hostname + "\n"
	return os.WriteFile("/etc/hosts", []byte(hosts), 0o644)
}

func up(name string, address *net.IPNet) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if address != nil {
		if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: address}); err != nil {
			return fmt.Errorf("address of %s: %w", name, err)
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("%s up: %w", name, err)
	}
	return nil
}

const kvmCreateVM = 0xAE01

// CreateVM makes an empty KVM vm on the opened /dev/kvm and returns its file descriptor.
func CreateVM(device *os.File) (int, error) {
	for {
		fd, _, errno := unix.Syscall(unix.SYS_IOCTL, device.Fd(), kvmCreateVM, 0)
		switch errno {
		case 0:
			unix.CloseOnExec(int(fd))
			return int(fd), nil
		case unix.EINTR: // Go's own preemption signal is enough, and this call is slow under emulation.
		default:
			return -1, errno
		}
	}
}
