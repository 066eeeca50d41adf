package boot

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const quiet = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

// mounts makes the file systems that programs expect around the image.
func (b *boot) mounts() error {
	// hidepid: a program sees the processes of its own user, not the agent.
	err := errors.Join(
		mount("proc", "/proc", "proc", quiet, "hidepid=2"),
		mount("sysfs", "/sys", "sysfs", quiet|unix.MS_RDONLY, ""),
		mount("tmpfs", "/run", "tmpfs", quiet, "mode=755,size=16m"),
		os.Mkdir("/run/vulcan", 0o755),
		// Devices are made here, not shown by devtmpfs: a program needs none of the vm's own.
		mount("tmpfs", "/dev", "tmpfs", unix.MS_NOSUID|unix.MS_NOEXEC, "mode=755,size=1m"),
	)
	if err != nil {
		return err
	}
	if err := makeDevices(); err != nil {
		return err
	}
	return errors.Join(
		mount("devpts", "/dev/pts", "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620"),
		mount("tmpfs", "/dev/shm", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777"),
	)
}

func makeDevices() error {
	for name, minor := range map[string]uint32{"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9} {
		if err := makeDevice(name, unix.Mkdev(1, minor)); err != nil {
			return err
		}
	}
	if err := makeDevice("tty", unix.Mkdev(5, 0)); err != nil {
		return err
	}
	for name, target := range map[string]string{
		"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
	} {
		if err := os.Symlink(target, "/dev/"+name); err != nil {
			return err
		}
	}
	return nil
}

func makeDevice(name string, number uint64) error {
	path := "/dev/" + name
	if err := unix.Mknod(path, unix.S_IFCHR|0o666, int(number)); err != nil {
		return fmt.Errorf("making %s: %w", path, err)
	}
	return os.Chmod(path, 0o666) // the umask took some
}
