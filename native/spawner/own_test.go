package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// do is one of our own commands, asked of a spawner.
func do(s *spawner, words ...string) answer {
	s.t.Helper()
	return s.run(request{Argv: append([]string{name}, words...)})
}

func mustDo(s *spawner, words ...string) {
	s.t.Helper()
	if got := do(s, words...); got.Code == nil || *got.Code != 0 {
		s.t.Fatalf("%v: got %+v", words, got)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestBoundFilesAreReadOnlyUntilTheyAreUnmounted(t *testing.T) {
	s := begin(t)
	folder := t.TempDir()
	from, to, other := filepath.Join(folder, "from"), filepath.Join(folder, "to this"), filepath.Join(folder, "other")
	write(t, from, "the same")
	t.Cleanup(func() { _, _ = unix.Unmount(to, unix.MNT_DETACH), unix.Unmount(other, unix.MNT_DETACH) })
	mustDo(s, "bind", from, to, from, other)
	for _, path := range []string{to, other} {
		if text, err := os.ReadFile(path); err != nil || string(text) != "the same" {
			t.Errorf("%s: %q, %v", path, text, err)
		}
		if err := os.WriteFile(path, nil, 0o644); !errors.Is(err, syscall.EROFS) {
			t.Errorf("%s could be written: %v", path, err)
		}
	}
	var about unix.Statfs_t
	if err := unix.Statfs(to, &about); err != nil || about.Flags&unix.ST_NOSUID == 0 || about.Flags&unix.ST_NODEV == 0 {
		t.Errorf("set-uid programs or devices count: %x, %v", about.Flags, err)
	}
	mustDo(s, "unmount", other, to)
	if text, err := os.ReadFile(to); err != nil || len(text) != 0 {
		t.Errorf("still mounted: %q, %v", text, err)
	}
}

func TestUnmountingGoesOnBehindWhatIsNoMount(t *testing.T) {
	s := begin(t)
	folder := t.TempDir()
	from, to := filepath.Join(folder, "from"), filepath.Join(folder, "to")
	write(t, from, "text")
	t.Cleanup(func() { _ = unix.Unmount(to, unix.MNT_DETACH) })
	mustDo(s, "bind", from, to)
	got := do(s, "unmount", from, to)
	if got.Code == nil || *got.Code != 1 || !strings.Contains(got.Stderr, from) || strings.Contains(got.Stderr, to) {
		t.Errorf("got %+v", got)
	}
	if text, _ := os.ReadFile(to); len(text) != 0 {
		t.Error("what could be unmounted was not")
	}
}

func TestACopyIsItsUsersAndAsSparseAsItsSource(t *testing.T) {
	folder := t.TempDir()
	from, to := filepath.Join(folder, "from"), filepath.Join(folder, "to")
	source, err := os.OpenFile(from, os.O_CREATE|os.O_RDWR, 0o444)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	const size = 300 << 20
	words := bytes.Repeat([]byte("words"), 100_000)
	for _, at := range []int64{0, 5 << 20, size - int64(len(words))} {
		if _, err := source.WriteAt(words, at); err != nil {
			t.Fatal(err)
		}
	}
	mustDo(begin(t), "copy", from, to, "2340718513", "2340718514")
	var was, is unix.Stat_t
	if err := errors.Join(unix.Stat(from, &was), unix.Stat(to, &is)); err != nil {
		t.Fatal(err)
	}
	if is.Uid != 2340718513 || is.Gid != 2340718514 || is.Mode&0o7777 != 0o600 || is.Size != size || is.Blocks > 2*was.Blocks {
		t.Errorf("got %+v of %+v", is, was)
	}
	before, _ := os.ReadFile(from)
	after, _ := os.ReadFile(to)
	if !bytes.Equal(before, after) {
		t.Error("the copy is another")
	}
}

func TestACopyIsNotMadeOverAnotherFileAndEndsWhenItIsKilled(t *testing.T) {
	folder := t.TempDir()
	from, to := filepath.Join(folder, "from"), filepath.Join(folder, "to")
	write(t, from, strings.Repeat("x", 1000))
	write(t, to, "mine")
	if got := do(begin(t), "copy", from, to, "0", "0"); got.Code == nil || *got.Code != 1 || !strings.Contains(got.Stderr, "file exists") {
		t.Errorf("got %+v", got)
	}
	killed := make(chan struct{})
	close(killed)
	target, err := os.Create(filepath.Join(folder, "other"))
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	source, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	if err := fill(target, source, killed); !errors.Is(err, errKilled) {
		t.Errorf("got %v", err)
	}
}

func TestNamespacesAreMadeAndTakenAwaySideBySideAndNoThreadStaysInOne(t *testing.T) {
	before := names
	names = filepath.Join(t.TempDir(), "netns")
	t.Cleanup(func() {
		_ = unix.Unmount(names, unix.MNT_DETACH)
		names = before
	})
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[uint64]bool{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for n := range 20 {
		all.Go(func() {
			if err := addNetns(strconv.Itoa(n), nil); err != nil {
				t.Error(err)
				return
			}
			var about unix.Stat_t
			if err := unix.Stat(filepath.Join(names, strconv.Itoa(n)), &about); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			seen[about.Ino] = true
		})
	}
	all.Wait()
	if len(seen) != 20 {
		t.Errorf("%d namespaces of 20", len(seen))
	}
	killed := make(chan struct{})
	close(killed)
	if err := addNetns("30", killed); !errors.Is(err, errKilled) {
		t.Errorf("one that was killed: %v", err)
	}
	if err := addNetns("7", nil); !errors.Is(err, os.ErrExist) {
		t.Errorf("a name was given twice: %v", err)
	}
	for range 50 {
		all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			if here, _ := os.Readlink("/proc/thread-self/ns/net"); here != own {
				t.Errorf("a thread is in %s", here)
			}
		})
	}
	all.Wait()
	for n := range 21 {
		if err := deleteNetns(strconv.Itoa(n)); err != nil {
			t.Error(err)
		}
	}
	if left, _ := os.ReadDir(names); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestWhatIsNoneOfOurCommandsSaysSo(t *testing.T) {
	s := begin(t)
	for _, words := range [][]string{{}, {"bind", "one"}, {"netns", "add"}, {"copy", "a", "b", "root", "0"}} {
		if got := do(s, words...); got.Code == nil || *got.Code != 1 || got.Stderr == "" {
			t.Errorf("%v: got %+v", words, got)
		}
	}
}
