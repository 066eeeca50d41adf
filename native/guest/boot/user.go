package boot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"vulcan/native/guest/network"
)

// UID and GID are the program's.
const (
	UID = 1000
	GID = 1000
)

const files = 65536

// user makes the unprivileged user: its folders, its name, its limits, and the loopback it may use.
func (b *boot) user() error {
	for _, dir := range []folder{
		{"/work", 0o755, UID, GID},
		{"/home/vulcan", 0o755, UID, GID},
		{"/tmp", 0o777 | fs.ModeSticky, 0, 0},
		{"/var/tmp", 0o777 | fs.ModeSticky, 0, 0},
		{"/etc", 0o755, 0, 0},
	} {
		if err := ensureDir(dir); err != nil {
			return err
		}
	}
	if err := ensureEntry("/etc/passwd", fmt.Sprintf("vulcan:x:%d:%d::/home/vulcan:/bin/sh", UID, GID)); err != nil {
		return err
	}
	if err := ensureEntry("/etc/group", fmt.Sprintf("vulcan:x:%d:", GID)); err != nil {
		return err
	}
	// Inherited by every program. Go would set its own limit on files for us, and give programs the old one back, if it
	// were not set here.
	return errors.Join(
		network.Replace("/etc/hosts", network.HostsFile("")),
		network.Up("lo"),
		syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: files, Max: files}),
		syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}),
	)
}

type folder struct {
	path     string
	mode     fs.FileMode
	uid, gid int
}

// ensureDir changes no more than it must: each change of the image's own is a copy onto the disk.
func ensureDir(dir folder) error {
	if err := os.MkdirAll(dir.path, 0o755); err != nil {
		return err
	}
	info, err := os.Stat(dir.path)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != dir.uid || int(owner.Gid) != dir.gid {
		if err := os.Chown(dir.path, dir.uid, dir.gid); err != nil {
			return err
		}
	}
	if info.Mode()&(fs.ModePerm|fs.ModeSticky) == dir.mode {
		return nil
	}
	return os.Chmod(dir.path, dir.mode)
}

// ensureEntry adds a line to a file like /etc/passwd unless one has its number, whatever its name.
func ensureEntry(path, line string) error {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	changed, ok := withEntry(string(text), line)
	if !ok {
		return nil
	}
	return network.Replace(path, changed)
}

func withEntry(text, line string) (changed string, ok bool) {
	number := strings.Split(line, ":")[2]
	for has := range strings.Lines(text) {
		if fields := strings.Split(strings.TrimSpace(has), ":"); len(fields) > 2 && fields[2] == number {
			return text, false
		}
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text + line + "\n", true
}
