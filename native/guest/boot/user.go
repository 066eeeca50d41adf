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
	for _, dir := range []struct {
		path     string
		mode     fs.FileMode
		uid, gid int
	}{
		{"/work", 0o755, UID, GID},
		{"/home/vulcan", 0o755, UID, GID},
		{"/tmp", 0o777 | fs.ModeSticky, 0, 0},
		{"/var/tmp", 0o777 | fs.ModeSticky, 0, 0},
		{"/etc", 0o755, 0, 0},
	} {
		err := errors.Join(os.MkdirAll(dir.path, 0o755), os.Chown(dir.path, dir.uid, dir.gid), os.Chmod(dir.path, dir.mode))
		if err != nil {
			return err
		}
	}
	if err := ensureEntry("/etc/passwd", fmt.Sprintf("vulcan:x:%d:%d::/home/vulcan:/bin/sh", UID, GID)); err != nil {
		return err
	}
	if err := ensureEntry("/etc/group", fmt.Sprintf("vulcan:x:%d:", GID)); err != nil {
		return err
	}
	hosts, err := network.HostsFile("", nil)
	if err != nil {
		return err
	}
	// Inherited by every program. Go would set its own limit on files for us, and give programs the old one back, if it
	// were not set here.
	return errors.Join(
		network.Replace("/etc/hosts", hosts),
		network.Up("lo"),
		syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: files, Max: files}),
		syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}),
	)
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
