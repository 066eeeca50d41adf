package unpack

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Limits bound what is written into a tree.
type Limits struct {
	Bytes int64
	Files int64 // of every kind, directories made on the way included
}

// Tree is a directory that is filled and never left: os.Root resolves each path below it, and what is more, no entry
// goes through a link at all. All in it belongs to one user.
type Tree struct {
	root     *os.Root
	uid, gid int
	limits   Limits
	bytes    int64
	files    int64
	dirs     map[string]bool // known to be directories, so that their parents need no second look
	buffer   []byte
}

// OpenTree opens a directory to be filled within the limits for a user.
func OpenTree(dir string, uid, gid int, limits Limits) (*Tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Tree{
		root: root, uid: uid, gid: gid, limits: limits,
		dirs: map[string]bool{"": true, ".": true}, buffer: make([]byte, 128<<10),
	}, nil
}

// Close closes the tree; what was written stays.
func (t *Tree) Close() error { return t.root.Close() }

// Count is what has been written so far.
func (t *Tree) Count() (bytes, files int64) { return t.bytes, t.files }

// Dir makes a directory and its parents.
func (t *Tree) Dir(name string, mode fs.FileMode) error {
	if err := t.enter(name, true); err != nil {
		return err
	}
	if name == "" {
		return nil
	}
	return t.root.Chmod(name, mode.Perm()|0o700)
}

// File writes a regular file and its parents, in place of a regular file of that name. Errors of content that are not
// faults are taken for corruption.
func (t *Tree) File(name string, mode fs.FileMode, modified time.Time, content io.Reader) error {
	if err := t.place(name, 0); err != nil {
		return err
	}
	file, err := t.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := t.copy(file, name, content); err != nil {
		return err
	}
	mode = mode.Perm()
	if mode&0o400 == 0 {
		mode |= 0o600 // made without modes, as some zip tools do; the owner can read what is his
	}
	if err := errors.Join(file.Chown(t.uid, t.gid), file.Chmod(mode)); err != nil {
		return err
	}
	if modified.Unix() > 0 {
		stamp := unix.NsecToTimeval(modified.UnixNano())
		if err := unix.Futimes(int(file.Fd()), []unix.Timeval{stamp, stamp}); err != nil {
			return err
		}
	}
	return file.Close()
}

func (t *Tree) copy(file *os.File, name string, content io.Reader) error {
	for {
		n, err := content.Read(t.buffer)
		if t.bytes += int64(n); t.bytes > t.limits.Bytes {
			return tooLargef("more than %d bytes, in %q", t.limits.Bytes, short(name))
		}
		if _, err := file.Write(t.buffer[:n]); err != nil {
			return err
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return corrupt(fmt.Errorf("%q: %w", short(name), err))
		}
	}
}

// Symlink makes a symbolic link that cannot lead out of the tree, in place of a link of that name.
func (t *Tree) Symlink(name, target string) error {
	if err := checkLink(name, target); err != nil {
		return err
	}
	if err := t.place(name, fs.ModeSymlink); err != nil {
		return err
	}
	if err := t.root.Symlink(target, name); err != nil {
		return err
	}
	return t.root.Lchown(name, t.uid, t.gid)
}

// Link makes a second name of a regular file of the tree.
func (t *Tree) Link(name, target string) error {
	if name == target {
		return corruptf("%q: a link to itself", short(name))
	}
	if err := t.enter(path.Dir(target), false); err != nil {
		return err
	}
	info, err := t.root.Lstat(target)
	if errors.Is(err, fs.ErrNotExist) {
		return corruptf("%q: a link to %q, which is not there", short(name), short(target))
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return unsafef("%q: a link to %q, which is no regular file", short(name), short(target))
	}
	if err := t.place(name, 0); err != nil {
		return err
	}
	return t.root.Link(target, name)
}

// place makes room for a file or link: its parents are there, and nothing of its name.
func (t *Tree) place(name string, kind fs.FileMode) error {
	if name == "" {
		return unsafef("an entry that puts something else in the place of the tree")
	}
	if err := t.enter(path.Dir(name), true); err != nil {
		return err
	}
	if err := t.count(name); err != nil {
		return err
	}
	info, err := t.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != kind {
		return unsafef("%q: it comes twice, as different kinds of thing", short(name))
	}
	return t.root.Remove(name)
}

// enter sees to it that a path consists of directories, no links, and makes those that are missing.
func (t *Tree) enter(dir string, create bool) error {
	if t.dirs[dir] {
		return nil
	}
	if err := t.enter(path.Dir(dir), create); err != nil {
		return err
	}
	info, err := t.root.Lstat(dir)
	switch {
	case err == nil && info.IsDir():
	case err == nil:
		return unsafef("%q: a path through something that is no directory", short(dir))
	case errors.Is(err, fs.ErrNotExist) && create:
		if err := t.count(dir); err != nil {
			return err
		}
		if err := t.root.Mkdir(dir, 0o755); err != nil {
			return err
		}
		if err := t.root.Lchown(dir, t.uid, t.gid); err != nil {
			return err
		}
	case errors.Is(err, fs.ErrNotExist):
		return corruptf("a link into %q, which is not there", short(dir))
	case errors.Is(err, syscall.ENAMETOOLONG):
		return unsafef("%q: the path is too long", short(dir))
	default:
		return err
	}
	t.dirs[dir] = true
	return nil
}

func (t *Tree) count(name string) error {
	if t.files++; t.files > t.limits.Files {
		return tooLargef("more than %d files, at %q", t.limits.Files, short(name))
	}
	return nil
}
