package unpack

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/klauspost/compress/zstd"

	"vulcan/native/guest/fault"
)

const uid, gid = 1000, 1000

var roomy = Limits{Bytes: 1 << 20, Files: 100}

// into unpacks into a new tree that has a neighbour which must stay as it is.
func into(t testing.TB, archive []byte, format string, limits Limits) (dir string, err error) {
	t.Helper()
	base := t.TempDir()
	dir = filepath.Join(base, "work")
	check(t, os.Mkdir(dir, 0o755))
	check(t, os.WriteFile(filepath.Join(base, "secret"), []byte("untouched"), 0o600))
	tree, err := OpenTree(dir, uid, gid, limits)
	check(t, err)
	defer tree.Close()
	err = Archive(bytes.NewReader(archive), format, tree, base)
	secret, readErr := os.ReadFile(filepath.Join(base, "secret"))
	if readErr != nil || string(secret) != "untouched" {
		t.Errorf("the neighbour was touched: %q, %v", secret, readErr)
	}
	entries, readErr := os.ReadDir(base)
	check(t, readErr)
	if len(entries) != 2 {
		t.Errorf("something was left beside the tree: %v", entries)
	}
	return dir, err
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type entry struct {
	name, body, link string
	kind             byte
	mode             int64
	size             int64 // when it is not the body's
}

func tarOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range entries {
		if e.kind == 0 {
			e.kind = tar.TypeReg
		}
		if e.mode == 0 {
			e.mode = 0o644
		}
		size := int64(len(e.body)) + e.size
		check(t, w.WriteHeader(&tar.Header{
			Name: e.name, Typeflag: e.kind, Linkname: e.link, Mode: e.mode, Size: size, ModTime: time.Unix(1700000000, 0),
			Uid: 0, Gid: 0,
		}))
		_, err := io.Copy(w, io.MultiReader(strings.NewReader(e.body), io.LimitReader(zeros{}, e.size)))
		check(t, err)
	}
	check(t, w.Close())
	return out.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func gzipped(t testing.TB, plain []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(plain)
	check(t, errors.Join(err, w.Close()))
	return out.Bytes()
}

func zstded(t testing.TB, plain []byte, options ...zstd.EOption) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil, options...)
	check(t, err)
	return w.EncodeAll(plain, nil)
}

func zipOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, e := range entries {
		header := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: time.Unix(1700000000, 0)}
		header.SetMode(os.FileMode(0o644))
		if e.mode != 0 {
			header.ExternalAttrs = uint32(e.mode) << 16 // Unix's own bits, kinds included
		}
		f, err := w.CreateHeader(header)
		check(t, err)
		_, err = io.Copy(f, io.MultiReader(strings.NewReader(e.body), io.LimitReader(zeros{}, e.size)))
		check(t, err)
	}
	check(t, w.Close())
	return out.Bytes()
}

// program is what users send: directories named and not, an executable, links that stay.
func program() []entry {
	return []entry{
		{name: "./"},
		{name: "./main.py", body: "print(1)\n"},
		{name: "bin/", kind: tar.TypeDir, mode: 0o700},
		{name: "bin/run", body: "#!/bin/sh\n", mode: 0o4755},
		{name: "lib/deep/mod.py", body: "x = 1\n", mode: 0o600},
		{name: "bin/up", kind: tar.TypeSymlink, link: "../lib/deep"},
		{name: "dangling", kind: tar.TypeSymlink, link: "not/there"},
		{name: "hard", kind: tar.TypeLink, link: "lib/deep/mod.py"},
	}
}

func TestAGoodArchiveInEachFormat(t *testing.T) {
	entries := program()
	entries[0].kind, entries[0].mode = tar.TypeDir, 0o755
	plain := tarOf(t, entries...)
	zipped := zipOf(t,
		entry{name: "main.py", body: "print(1)\n"},
		entry{name: "bin/", mode: syscall.S_IFDIR | 0o700},
		entry{name: "bin/run", body: "#!/bin/sh\n", mode: syscall.S_IFREG | syscall.S_ISUID | 0o755},
		entry{name: "lib/deep/mod.py", body: "x = 1\n", mode: syscall.S_IFREG | 0o600},
		entry{name: "bin/up", body: "../lib/deep", mode: syscall.S_IFLNK | 0o777},
	)
	for format, archive := range map[string][]byte{
		"tar": plain, "tar.gz": gzipped(t, plain), "tar.zst": zstded(t, plain), "zip": zipped,
	} {
		t.Run(format, func(t *testing.T) {
			dir, err := into(t, archive, format, roomy)
			check(t, err)
			expect(t, dir, "main.py", 0o644, "print(1)\n")
			expect(t, dir, "bin/run", 0o755, "#!/bin/sh\n")
			expect(t, dir, "lib/deep/mod.py", 0o600, "x = 1\n")
			expect(t, dir, "bin", os.ModeDir|0o700, "")
			expect(t, dir, "lib", os.ModeDir|0o755, "")
			if target, err := os.Readlink(filepath.Join(dir, "bin/up")); err != nil || target != "../lib/deep" {
				t.Errorf("bin/up leads to %q (%v)", target, err)
			}
			if format != "zip" {
				expect(t, dir, "hard", 0o600, "x = 1\n")
			}
		})
	}
}

func expect(t *testing.T, dir, name string, mode os.FileMode, body string) {
	t.Helper()
	info, err := os.Lstat(filepath.Join(dir, name))
	check(t, err)
	if info.Mode() != mode {
		t.Errorf("%s has mode %v, want %v", name, info.Mode(), mode)
	}
	if owner := info.Sys().(*syscall.Stat_t); owner.Uid != uid || owner.Gid != gid {
		t.Errorf("%s belongs to %d:%d", name, owner.Uid, owner.Gid)
	}
	if info.IsDir() {
		return
	}
	if !info.ModTime().Equal(time.Unix(1700000000, 0)) {
		t.Errorf("%s was modified %v", name, info.ModTime())
	}
	if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != body {
		t.Errorf("%s holds %q (%v)", name, got, err)
	}
}

func TestTheLastOfTwoFilesHolds(t *testing.T) {
	dir, err := into(t, tarOf(t, entry{name: "a", body: "first"}, entry{name: "./a", body: "second"}), "tar", roomy)
	check(t, err)
	expect(t, dir, "a", 0o644, "second")
}

func TestAFileOverAHardLinkLeavesTheOtherNameAlone(t *testing.T) {
	dir, err := into(t, tarOf(t,
		entry{name: "a", body: "first"}, entry{name: "b", kind: tar.TypeLink, link: "a"}, entry{name: "b", body: "second"},
	), "tar", roomy)
	check(t, err)
	expect(t, dir, "a", 0o644, "first")
	expect(t, dir, "b", 0o644, "second")
}

func TestAConnectionThatFailsIsNotACorruptArchive(t *testing.T) {
	tree, err := OpenTree(t.TempDir(), uid, gid, roomy)
	check(t, err)
	defer tree.Close()
	lost := errors.New("connection lost")
	half := tarOf(t, entry{name: "a", body: "text"})[:600]
	err = Archive(io.MultiReader(bytes.NewReader(half), iotest.ErrReader(lost)), "tar", tree, t.TempDir())
	if err != lost {
		t.Errorf("got %v, want the connection's error", err)
	}
}

func TestAFullDiskIsNamed(t *testing.T) {
	dir := t.TempDir()
	check(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"))
	defer syscall.Unmount(dir, 0)
	for format, archive := range map[string][]byte{
		"tar": tarOf(t, entry{name: "big", size: 1 << 18}),
		"zip": zipOf(t, entry{name: "big", size: 1 << 18}),
	} {
		tree, err := OpenTree(dir, uid, gid, roomy)
		check(t, err)
		expectCode(t, Archive(bytes.NewReader(archive), format, tree, t.TempDir()), fault.DiskFull, "disk is full")
		tree.Close()
	}
}

func expectCode(t *testing.T, err error, code fault.Code, words string) {
	t.Helper()
	var refusal *fault.Error
	if !errors.As(err, &refusal) {
		t.Fatalf("got %v, want %s", err, code)
	}
	if refusal.Code != code || !strings.Contains(refusal.Message, words) {
		t.Errorf("got %s (%s), want %s with %q", refusal.Code, refusal.Message, code, words)
	}
}
