package session

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vulcan/native/guest/kept"
	"vulcan/native/guest/program"
	"vulcan/native/reaper"
	"vulcan/native/wire"
)

// shared, because a second reaper in this process would take the first one's children.
var shared = reaper.New()

// guest is a vm, as far as sessions see one: a folder.
type guest struct {
	t    *testing.T
	root string
	env  *Environment
	// abandoned is closed when nobody came for a kept run in its time.
	abandoned chan struct{}
	mu        sync.Mutex
	logged    []string
}

func newGuest(t *testing.T) *guest {
	t.Helper()
	root := t.TempDir()
	// The program's user must reach its folders, and TempDir's parent is for root alone.
	for _, dir := range []string{root, filepath.Dir(root)} {
		check(t, os.Chmod(dir, 0o755))
	}
	for _, dir := range []string{"work", "run", "spool"} {
		check(t, os.Mkdir(filepath.Join(root, dir), 0o755))
	}
	check(t, os.Chown(filepath.Join(root, "work"), 1000, 1000))
	g := &guest{t: t, root: root, abandoned: make(chan struct{})}
	g.env = &Environment{
		Version: "test",
		Programs: &program.Host{
			Reaper: shared, UID: 1000, GID: 1000, Drop: true,
			RunDir: filepath.Join(root, "run"), SpoolDir: filepath.Join(root, "spool"), Disk: root,
		},
		Runs: &kept.Runs{Abandoned: func() { close(g.abandoned) }, Log: g.log},
		Work: filepath.Join(root, "work"), SpoolDir: filepath.Join(root, "spool"),
		Configure: func(c Configuration) error {
			if c.Hostname == "bad" {
				return errors.New("no such name")
			}
			return nil
		},
		Shutdown: func() {},
		Log:      g.log,
	}
	t.Cleanup(g.checkEmpty)
	return g
}

func (g *guest) log(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.logged = append(g.logged, fmt.Sprintf(format, args...))
}

// dial opens a session and takes its hello.
func (g *guest) dial() *client {
	g.t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	check(g.t, err)
	theirs := os.NewFile(uintptr(ends[1]), "guest")
	c := &client{guest: g, conn: os.NewFile(uintptr(ends[0]), "host"), served: make(chan struct{})}
	c.in, c.out = wire.NewReader(c.conn), wire.NewWriter(c.conn)
	check(g.t, c.conn.SetDeadline(time.Now().Add(patience)))
	go func() {
		c.err = Serve(theirs, g.env)
		close(c.served)
	}()
	g.t.Cleanup(c.close)
	if hello := c.message(); hello["op"] != "hello" || hello["proto"] != 2.0 {
		g.t.Fatalf("the first message is %v", hello)
	}
	return c
}

// checkEmpty checks that sessions have left nothing: no program, no folder, no spool.
func (g *guest) checkEmpty() {
	for _, dir := range []string{"run", "spool"} {
		entries, err := os.ReadDir(filepath.Join(g.root, dir))
		if err != nil || len(entries) > 0 {
			g.t.Errorf("%s is left with %v (%v)", dir, entries, err)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, line := range g.logged {
		g.t.Errorf("logged: %s", line)
	}
}
