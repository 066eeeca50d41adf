package boot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vulcan/native/modules"
)

// modules loads what the initramfs brought, and frees the memory that it took. One that fails is told where it is
// missed, since only there it is known to matter.
func (b *boot) modules() error {
	order, err := modules.Order(modules.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, failure := range modules.Load(order) {
		b.warn("%v", failure)
	}
	return os.RemoveAll(modules.Dir)
}

// devicesWithin is how long the kernel may take to find a disk.
const devicesWithin = 15 * time.Second

func (b *boot) devices() error {
	wanted := []string{b.options.Root}
	if !strings.HasPrefix(b.options.Disk, "tmpfs:") {
		wanted = append(wanted, b.options.Disk)
	}
	deadline := time.Now().Add(devicesWithin)
	for _, path := range wanted {
		if err := waitForDevice(path, deadline); err != nil {
			return err
		}
	}
	return nil
}

// waitForDevice waits until a device is there, as it usually is. The kernel announces each; what came before we
// listened is seen by looking once more.
func waitForDevice(path string, deadline time.Time) error {
	if exists(path) {
		return nil
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return fmt.Errorf("listening for devices: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1}); err != nil {
		return fmt.Errorf("listening for devices: %w", err)
	}
	event := make([]byte, 8<<10)
	for !exists(path) {
		left := time.Until(deadline)
		if left <= 0 {
			return fmt.Errorf("the device %s did not appear", path)
		}
		if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left.Milliseconds())+1); err != nil && err != unix.EINTR {
			return fmt.Errorf("waiting for %s: %w", path, err)
		}
		// What the event says does not matter, nor whether some were lost: the file is looked for again.
		for n := 1; n > 0; n, _ = unix.Read(fd, event) {
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
