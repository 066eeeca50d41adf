package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

var errKilled = errors.New("killed")

// bind makes each first path of a pair seen at the second, read-only; the second is made, an empty file.
func bind(pairs []string, killed <-chan struct{}) error {
	for at := 0; at < len(pairs); at += 2 {
		if isClosed(killed) {
			return errKilled
		}
		from, to := pairs[at], pairs[at+1]
		target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		target.Close()
		if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mounting %s at %s: %w", from, to, err)
		}
		// A bind mount takes its flags by a second call alone.
		flags := uintptr(unix.MS_BIND | unix.MS_REMOUNT | unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV)
		if err := unix.Mount("", to, "", flags, ""); err != nil {
			return fmt.Errorf("making %s read-only: %w", to, err)
		}
	}
	return nil
}

func isClosed(killed <-chan struct{}) bool {
	select {
	case <-killed:
		return true
	default:
		return false
	}
}

// unmount takes mounts away, as far as it can, in the order given.
func unmount(paths []string) error {
	var failed []error
	for _, path := range paths {
		if err := unix.Unmount(path, unix.UMOUNT_NOFOLLOW); err != nil {
			failed = append(failed, fmt.Errorf("unmounting %s: %w", path, err))
		}
	}
	return errors.Join(failed...)
}

// copyStep is how much of a copy is begun at once, in bytes: a kill is seen between two.
const copyStep = 8 << 20

// copySparse makes a new file with what is in another, for that user alone. They share their blocks where the file system can,
// and holes stay holes where it tells of them.
func copySparse(from, to string, uid, gid int, killed <-chan struct{}) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = fill(target, source, killed)
	if err == nil {
		err = target.Chown(uid, gid)
	}
	if closing := target.Close(); err == nil {
		err = closing
	}
	return err
}

func fill(target, source *os.File, killed <-chan struct{}) error {
	if unix.IoctlFileClone(int(target.Fd()), int(source.Fd())) == nil {
		return nil
	}
	about, err := source.Stat()
	if err != nil {
		return err
	}
	size := about.Size()
	if err := target.Truncate(size); err != nil {
		return err
	}
	for at := int64(0); at < size; {
		begin, end, err := data(source, at, size)
		if err != nil {
			return err
		}
		for at = begin; at < end; {
			if isClosed(killed) {
				return errKilled
			}
			n, err := copyAt(target, source, at, min(copyStep, end-at))
			if err != nil {
				return err
			}
			at += n
		}
	}
	return nil
}

// data is the next stretch that is no hole; one of no length at the end where there is none.
func data(file *os.File, from, size int64) (begin, end int64, err error) {
	begin, err = file.Seek(from, unix.SEEK_DATA)
	if errors.Is(err, unix.ENXIO) {
		return size, size, nil
	}
	if err != nil {
		return 0, 0, err
	}
	end, err = file.Seek(begin, unix.SEEK_HOLE)
	return begin, min(end, size), err
}

// copyAt copies in the kernel where it can. A source that is shorter than it was is an error.
func copyAt(target, source *os.File, at, length int64) (int64, error) {
	if _, err := source.Seek(at, io.SeekStart); err != nil {
		return 0, err
	}
	if _, err := target.Seek(at, io.SeekStart); err != nil {
		return 0, err
	}
	return io.CopyN(target, source, length)
}
