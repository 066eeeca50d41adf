package program

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
)

// files is a folder that takes limits as a cgroup does, and keeps them.
type files struct {
	t    *testing.T
	path string
}

func filesOf(t *testing.T) files {
	f := files{t, t.TempDir()}
	for _, name := range []string{"memory.swap.max", "memory.max", "memory.oom.group", "pids.max", "cpu.max"} {
		f.write(name, "")
	}
	return f
}

func (f files) write(name, text string) {
	if err := os.WriteFile(filepath.Join(f.path, name), []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f files) expect(want map[string]string) {
	f.t.Helper()
	got := make(map[string]string)
	for name := range want {
		text, err := os.ReadFile(filepath.Join(f.path, name))
		if err != nil {
			f.t.Fatal(err)
		}
		got[name] = string(text)
	}
	if !maps.Equal(got, want) {
		f.t.Errorf("got %v, want %v", got, want)
	}
}

func TestAProgramHasItsOwnLimitsAlsoWhereTheInterpreterWaitedUnderOthers(t *testing.T) {
	f := filesOf(t)
	g := &group{path: f.path, limits: make(map[string]string)}
	if err := g.limit(Spec{Pids: 256, CPUQuota: 100_000, CPUPeriod: 100_000}); err != nil {
		t.Fatal(err)
	}
	f.expect(map[string]string{"memory.max": "max", "pids.max": "256", "cpu.max": "100000 100000"})
	if err := g.limit(Spec{Memory: 1 << 20, Pids: 16, CPUQuota: 50_000, CPUPeriod: 100_000}); err != nil {
		t.Fatal(err)
	}
	f.expect(map[string]string{
		"memory.swap.max": "0", "memory.max": "1048576", "memory.oom.group": "1", "pids.max": "16", "cpu.max": "50000 100000",
	})
}

func TestALimitThatHoldsIsNotWrittenAgain(t *testing.T) {
	f := filesOf(t)
	g := &group{path: f.path, limits: make(map[string]string)}
	spec := Spec{Pids: 256, CPUQuota: 100_000, CPUPeriod: 100_000}
	if err := g.limit(spec); err != nil {
		t.Fatal(err)
	}
	f.write("cpu.max", "as it was")
	spec.Memory = 1 << 20
	if err := g.limit(spec); err != nil {
		t.Fatal(err)
	}
	f.expect(map[string]string{"memory.max": "1048576", "cpu.max": "as it was"})
}

func TestALimitThatCouldNotBeSetIsTriedAgain(t *testing.T) {
	f := filesOf(t)
	g := &group{path: filepath.Join(f.path, "gone"), limits: make(map[string]string)}
	if err := g.limit(Spec{Pids: 16}); err == nil {
		t.Fatal("limits were set where there is no cgroup")
	}
	g.path = f.path
	if err := g.limit(Spec{Pids: 16}); err != nil {
		t.Fatal(err)
	}
	f.expect(map[string]string{"pids.max": "16", "cpu.max": "max"})
}

// A snapshot is taken while it rests; what follows may find it at rest or not.
func TestAnInterpreterThatWaitsRestsUntilItIsWokenOnce(t *testing.T) {
	f := filesOf(t)
	f.write("cgroup.freeze", "")
	f.write("cgroup.events", "populated 1\nfrozen 1\n")
	w := &waiting{run: &Run{group: &group{path: f.path}}}
	if err := w.rest(); err != nil {
		t.Fatal(err)
	}
	f.expect(map[string]string{"cgroup.freeze": "1"})
	if err := w.wake(); err != nil {
		t.Fatal(err)
	}
	f.expect(map[string]string{"cgroup.freeze": "0"})
	f.write("cgroup.freeze", "untouched")
	if err := w.wake(); err != nil {
		t.Fatal(err)
	}
	f.expect(map[string]string{"cgroup.freeze": "untouched"})
}
