package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// names is where iproute2 keeps the names of network namespaces; a variable for tests.
var names = "/var/run/netns"

// lockedMs is between two tries for a lock that somebody else holds.
const lockedMs = 5

// addNetns makes an empty network namespace with that name, as `ip netns add` does.
func addNetns(name string, killed <-chan struct{}) error {
	path := filepath.Join(names, name)
	if err := shareNames(killed); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	file.Close()
	if err := nameNew(path); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// shareNames makes the folder one whose mounts are those of every mount namespace that it is in: a name that a process keeps
// for itself holds its namespace for as long.
func shareNames(killed <-chan struct{}) error {
	if err := os.MkdirAll(names, 0o755); err != nil {
		return err
	}
	folder, err := os.Open(names)
	if err != nil {
		return err
	}
	defer folder.Close()
	// One at a time, iproute2 included: a second mount would hide the names below the first.
	for {
		if isClosed(killed) {
			return errKilled
		}
		err := unix.Flock(int(folder.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return wrap("locking", names, err)
		}
		time.Sleep(lockedMs * time.Millisecond)
	}
	err = unix.Mount("", names, "none", unix.MS_SHARED|unix.MS_REC, "")
	if !errors.Is(err, unix.EINVAL) {
		return wrap("sharing", names, err)
	}
	// It is no mount yet.
	if err := unix.Mount(names, names, "none", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return wrap("mounting", names, err)
	}
	return wrap("sharing", names, unix.Mount("", names, "none", unix.MS_SHARED|unix.MS_REC, ""))
}

// nameNew mounts a new namespace there. Its thread goes back to where it was: what runs on it later would else be elsewhere, and
// a thread that ends takes the commands along that it has begun (PR_SET_PDEATHSIG).
func nameNew(path string) error {
	runtime.LockOSThread()
	before, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer before.Close()
	err = wrap("making a namespace for", path, unix.Unshare(unix.CLONE_NEWNET))
	if err == nil {
		err = wrap("naming", path, unix.Mount("/proc/thread-self/ns/net", path, "none", unix.MS_BIND, ""))
		if back := unix.Setns(int(before.Fd()), unix.CLONE_NEWNET); back != nil {
			panic(fmt.Sprintf("a thread is in the namespace of %s and cannot go back: %v", path, back))
		}
	}
	runtime.UnlockOSThread()
	return err
}

// deleteNetns takes a name away, and with it the namespace once no process is in it; one that is not there is fine.
func deleteNetns(name string) error {
	path := filepath.Join(names, name)
	// A server with mounts of its own that died left the name alone.
	if err := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil &&
		!errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return wrap("unmounting", path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func wrap(doing, path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", doing, path, err)
}
