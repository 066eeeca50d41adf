package inside

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"vulcan/native/modules"
)

type mount struct {
	source, target, kind string
	flags                uintptr
	data                 string
}

func (m mount) do() error {
	if err := os.MkdirAll(m.target, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(m.source, m.target, m.kind, m.flags, m.data); err != nil {
		return fmt.Errorf("mounting %s at %s: %w", m.source, m.target, err)
	}
	return nil
}

func mountAll(mounts ...mount) error {
	for _, m := range mounts {
		if err := m.do(); err != nil {
			return err
		}
	}
	return nil
}

const plain = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

func mountEarly() error {
	return mountAll(
		mount{"proc", "/proc", "proc", plain, ""},
		mount{"sysfs", "/sys", "sysfs", plain, ""},
		mount{"devtmpfs", "/dev", "devtmpfs", unix.MS_NOSUID, "mode=0755"},
	)
}

// switchRoot makes the image, with a tmpfs for what is written above it, the root file system.
func switchRoot() error {
	const lower, upper, root = "/lower", "/upper", "/root"
	if err := mountAll(
		mount{"/dev/vda", lower, "ext4", unix.MS_RDONLY, ""},
		mount{"tmpfs", upper, "tmpfs", 0, "mode=0755"},
	); err != nil {
		return err
	}
	for _, dir := range []string{"/upper/data", "/upper/work"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	if err := (mount{"overlay", root, "overlay", 0, "lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work"}).do(); err != nil {
		return err
	}
	for _, dir := range []string{"/proc", "/sys", "/dev"} {
		if err := (mount{dir, root + dir, "", unix.MS_MOVE, ""}).do(); err != nil {
			return err
		}
	}
	// The initramfs stays mounted under the new root; its modules are of no more use and only hold memory.
	if err := os.RemoveAll(modules.Dir); err != nil {
		return err
	}
	if err := os.Chdir(root); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("moving the root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return err
	}
	return os.Chdir("/")
}

func mountSystem() error {
	if err := mountAll(
		mount{"devpts", "/dev/pts", "devpts", unix.MS_NOSUID | unix.MS_NOEXEC, "gid=5,mode=0620,ptmxmode=0666"},
		mount{"tmpfs", "/dev/shm", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"},
		mount{"tmpfs", "/run", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=0755"},
		mount{"tmpfs", "/tmp", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"},
	); err != nil {
		return err
	}
	for name, target := range map[string]string{
		"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
	} {
		if err := os.Symlink(target, "/dev/"+name); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// mountCgroups mounts version 2 alone and hands every controller that Vulcan uses down to the groups of the root.
func mountCgroups() error {
	// favordynmods makes moving a process into a group cheap, at the price of a dearer fork: vms are started far more often.
	group := mount{"cgroup2", "/sys/fs/cgroup", "cgroup2", plain, "nsdelegate,favordynmods"}
	if err := group.do(); err != nil {
		group.data = "nsdelegate"
		if err := group.do(); err != nil {
			return err
		}
	}
	return os.WriteFile("/sys/fs/cgroup/cgroup.subtree_control", []byte("+cpu +cpuset +memory +pids +io"), 0)
}

func mountData() error {
	return mount{"/dev/vdb", dataDir, "ext4", unix.MS_NOATIME, "discard"}.do()
}

type share struct {
	tag, path string
	// fresh shares show the newest file of the host at once; the others keep what was read in the page cache.
	fresh bool
}

var shares = []share{
	{"app", "/opt/vulcan", true},
	{"config", configDir, true},
	{"assets", dataDir + "/assets", false},
	{"images", dataDir + "/images", false},
}

// mountShares mounts those of the known shares that QEMU was given.
func mountShares() error {
	given, err := givenShares()
	if err != nil {
		return err
	}
	for _, share := range shares {
		if !given[share.tag] {
			continue
		}
		data := "trans=virtio,version=9p2000.L,msize=524288,cache=loose"
		if share.fresh {
			data = "trans=virtio,version=9p2000.L,msize=524288,cache=none"
		}
		if err := (mount{share.tag, share.path, "9p", unix.MS_RDONLY | unix.MS_NODEV | unix.MS_NOSUID, data}).do(); err != nil {
			return err
		}
	}
	return nil
}

func givenShares() (map[string]bool, error) {
	paths, err := filepath.Glob("/sys/bus/virtio/drivers/9pnet_virtio/*/mount_tag")
	if err != nil {
		return nil, err
	}
	given := make(map[string]bool, len(paths))
	for _, path := range paths {
		tag, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		given[strings.TrimRight(string(tag), "\x00\n")] = true
	}
	return given, nil
}
