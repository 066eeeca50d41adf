package boot

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	imageDir = "/image"
	diskDir  = "/disk"
	newRoot  = "/newroot"
)

// root puts the image, read-only, under the writable disk and makes that the root. Image and disk stay mounted in the
// initramfs, which nothing can reach any more.
func (b *boot) root() error {
	if err := mount(b.options.Root, imageDir, "ext4", unix.MS_RDONLY|unix.MS_NODEV|unix.MS_NOSUID|unix.MS_NOATIME, ""); err != nil {
		return err
	}
	if err := b.mountDisk(); err != nil {
		return err
	}
	for _, dir := range []string{"/upper", "/work"} {
		if err := os.Mkdir(diskDir+dir, 0o755); err != nil {
			return err
		}
	}
	// Volatile: the disk dies with the vm, so nobody gains by waiting for it to be written.
	layers := fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work,volatile", imageDir, diskDir, diskDir)
	if err := mount("overlay", newRoot, "overlay", unix.MS_NODEV|unix.MS_NOSUID|unix.MS_NOATIME, layers); err != nil {
		return err
	}
	// An initramfs cannot be pivoted away from; it is covered.
	if err := os.Chdir(newRoot); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("moving the root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("changing the root: %w", err)
	}
	return os.Chdir("/")
}

func (b *boot) mountDisk() error {
	const flags = unix.MS_NODEV | unix.MS_NOSUID | unix.MS_NOATIME
	size, isTmpfs := strings.CutPrefix(b.options.Disk, "tmpfs:")
	if !isTmpfs {
		// Without noinit_itable a kernel thread would zero the tables of a fresh disk while programs run.
		return mount(b.options.Disk, diskDir, "ext4", flags, "noinit_itable")
	}
	mib, err := strconv.ParseUint(size, 10, 32)
	if err != nil {
		return fmt.Errorf("vulcan.disk=%s: the size is not a number of MiB", b.options.Disk)
	}
	return mount("tmpfs", diskDir, "tmpfs", flags, fmt.Sprintf("size=%dm,mode=755", mib))
}
