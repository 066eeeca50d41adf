package boot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const modulesDir = "/modules"

// moduleCompressed is MODULE_INIT_COMPRESSED_FILE: the kernel inflates the file itself.
const moduleCompressed = 4

// modules loads what the initramfs brought, in its order, and frees the memory that it took. A kernel with everything
// built in has none. One that fails is told where it is missed, since only there it is known to matter.
func (b *boot) modules() error {
	order, err := os.ReadFile(filepath.Join(modulesDir, "order"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for name := range strings.FieldsSeq(string(order)) {
		if err := loadModule(filepath.Join(modulesDir, filepath.Base(name))); err != nil {
			b.warn("module %s: %v", name, err)
		}
	}
	return os.RemoveAll(modulesDir)
}

func loadModule(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	flags := 0
	if !strings.HasSuffix(path, ".ko") {
		flags = moduleCompressed
	}
	err = unix.FinitModule(int(file.Fd()), "", flags)
	if errors.Is(err, unix.EEXIST) { // built in, or loaded already
		return nil
	}
	return err
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
