// Package program runs one program of the user: as an unprivileged user in a session and cgroup of its own, its output
// streamed, its standard input fed, its end told with result and usage.
package program

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"vulcan/native/reaper"
)

// Host is the place where programs run: a vm, or a folder of a test.
type Host struct {
	Reaper *reaper.Reaper
	// UID and GID are the program's; without Drop it keeps those of the agent.
	UID, GID int
	Drop     bool
	// Cgroup is the cgroup v2 folder below which each program gets its own; empty for none, and then limits do not hold.
	Cgroup string
	// RunDir holds a folder for each program, with its input and result. SpoolDir takes files without a name.
	RunDir, SpoolDir string
	// Disk is a path on the file system that programs write to; BlockStat the `stat` file of its device, NetStats the
	// folder of the interface's counters. Either may be missing.
	Disk, BlockStat, NetStats string

	launcher    launcher
	antechamber antechamber
	started     atomic.Int64
}

// Spec is what to run, and with how much.
type Spec struct {
	Argv []string
	Env  map[string]string
	Cwd  string
	// Bytes of memory, number of processes and threads, and microseconds of cpu in each period; 0 for no limit.
	Memory, Pids, CPUQuota, CPUPeriod int64
	// Stdin says that standard input is sent; without it, it is Input where given, else empty.
	Stdin bool
	// Input is JSON text for the program.
	Input *string
	// ResultMax is the most bytes of a result.
	ResultMax int64
	// Rehearsal says that it is not the program that an interpreter waits for.
	Rehearsal bool
}

// place is the folder of one program, named by a number that is not used again.
type place struct {
	name string
	dir  *os.File
}

func (h *Host) newPlace() (place, error) {
	name := strconv.FormatInt(h.started.Add(1), 10)
	path := filepath.Join(h.RunDir, name)
	if err := os.Mkdir(path, 0o700); err != nil {
		return place{}, err
	}
	dir, err := os.Open(path)
	if err != nil {
		return place{}, err
	}
	if h.Drop {
		if err := dir.Chown(h.UID, h.GID); err != nil {
			dir.Close()
			return place{}, err
		}
	}
	return place{name: name, dir: dir}, nil
}

func (p place) input() string  { return filepath.Join(p.dir.Name(), "input.json") }
func (p place) result() string { return filepath.Join(p.dir.Name(), resultName) }

// writeInput leaves the input readable by the program and by nobody else's.
func (p place) writeInput(text string) error {
	if err := os.WriteFile(p.input(), []byte(text), 0o444); err != nil {
		return fmt.Errorf("writing the input: %w", err)
	}
	return nil
}

func (p place) remove() error {
	p.dir.Close()
	return os.RemoveAll(p.dir.Name())
}
