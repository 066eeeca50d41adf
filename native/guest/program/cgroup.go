package program

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// group holds a program and all that it starts, so that it can be limited, counted and killed whole.
type group struct {
	path string
	dir  *os.File
	// limits are those that hold, by their files.
	limits map[string]string
}

// newGroup makes the cgroup of a program below parent; nil when there is no parent.
func newGroup(parent, name string) (*group, error) {
	if parent == "" {
		return nil, nil
	}
	g := &group{path: filepath.Join(parent, name), limits: make(map[string]string)}
	if err := os.Mkdir(g.path, 0o755); err != nil {
		return nil, err
	}
	var err error
	if g.dir, err = os.Open(g.path); err != nil {
		return nil, errors.Join(err, g.remove())
	}
	return g, nil
}

func (g *group) limit(spec Spec) error {
	// Without swap the limit on it does not exist, and need not.
	if err := g.hold("memory.swap.max", "0"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	cpu := "max"
	if spec.CPUQuota > 0 {
		cpu = fmt.Sprintf("%d %d", spec.CPUQuota, spec.CPUPeriod)
	}
	return errors.Join(
		g.hold("memory.max", limitText(spec.Memory)),
		g.hold("memory.oom.group", "1"), // half a program is of no use to anyone
		g.hold("pids.max", limitText(spec.Pids)),
		g.hold("cpu.max", cpu),
	)
}

// hold sets a limit that does not hold yet: the kernel does not look whether it is another one, and the first quota of
// cpu in a vm makes it rewrite its own code.
func (g *group) hold(name, value string) error {
	if g.limits[name] == value {
		return nil
	}
	err := g.set(name, value)
	if err == nil {
		g.limits[name] = value
	}
	return err
}

func limitText(n int64) string {
	if n == 0 {
		return "max"
	}
	return strconv.FormatInt(n, 10)
}

func (g *group) set(name, value string) error {
	return os.WriteFile(filepath.Join(g.path, name), []byte(value), 0)
}

// fd is for SysProcAttr.CgroupFD: the process is born in the group.
func (g *group) fd() int { return int(g.dir.Fd()) }

func (g *group) kill() error { return g.set("cgroup.kill", "1") }

// values reads a flat keyed file such as cpu.stat.
func (g *group) values(name string) (map[string]int64, error) {
	text, err := os.ReadFile(filepath.Join(g.path, name))
	return parseValues(string(text)), err
}

func parseValues(text string) map[string]int64 {
	values := make(map[string]int64)
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			values[key] = n
		}
	}
	return values
}

// number reads a file with one number; 0 where the kernel has no such file.
func (g *group) number(name string) int64 {
	text, err := os.ReadFile(filepath.Join(g.path, name))
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
	return n
}

// waitEmpty waits until no process is left, for as long as within.
func (g *group) waitEmpty(within time.Duration) error {
	return g.waitFor("populated", 0, within)
}

// freeze stops all processes where they are, or lets them go on; it returns when they have stopped.
func (g *group) freeze(stop bool) error {
	if !stop {
		return g.set("cgroup.freeze", "0")
	}
	return errors.Join(g.set("cgroup.freeze", "1"), g.waitFor("frozen", 1, frozenWithin))
}

// waitFor waits for a value of cgroup.events, for as long as within: the kernel reports each change.
func (g *group) waitFor(name string, value int64, within time.Duration) error {
	events, err := os.Open(filepath.Join(g.path, "cgroup.events"))
	if err != nil {
		return err
	}
	defer events.Close()
	deadline := time.Now().Add(within)
	text := make([]byte, 256)
	for {
		// Poll reports what has changed since this very file was last read.
		n, err := events.ReadAt(text, 0)
		if err != nil && err != io.EOF {
			return err
		}
		if parseValues(string(text[:n]))[name] == value {
			return nil
		}
		left := time.Until(deadline)
		if left <= 0 {
			return fmt.Errorf("the processes of %s are not %s=%d after %v", g.path, name, value, within)
		}
		poll := []unix.PollFd{{Fd: int32(events.Fd()), Events: unix.POLLPRI}}
		if _, err := unix.Poll(poll, int(left.Milliseconds())+1); err != nil && err != unix.EINTR {
			return err
		}
	}
}

func (g *group) remove() error {
	if g.dir != nil {
		g.dir.Close()
	}
	return os.Remove(g.path)
}
