package program

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

const (
	pageBytes = 4096
	// Bits of an entry of /proc/PID/pagemap: the page is in memory; it is a file's, or shared.
	pagePresent, pageOfFile = 1 << 63, 1 << 61
	// pagesAtOnce is how many entries are read together.
	pagesAtOnce = 4096
)

// touch reads what the agent has in memory, and reads and writes, unchanged, what the interpreter that waits has. A vm
// that goes on from a snapshot gets each page at its first use, and again at the first change: here, and not when its
// program is there. Nobody is asked whether one waits.
func (h *Host) touch() error {
	// Not written: the agent runs.
	own := touchAll(os.Getpid(), false)
	return errors.Join(own, h.touchWaiting())
}

func (h *Host) touchWaiting() error {
	h.antechamber.mu.Lock()
	defer h.antechamber.mu.Unlock()
	w := h.antechamber.waiting
	if w == nil || w.run.group == nil {
		return nil
	}
	// It must not change what is just being written back.
	err := w.rest()
	if err == nil {
		err = touchAll(w.run.process.Pid, true)
	}
	return errors.Join(err, w.wake(), w.count())
}

func touchAll(pid int, write bool) error {
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return err
	}
	defer maps.Close()
	pages, err := os.Open(fmt.Sprintf("/proc/%d/pagemap", pid))
	if err != nil {
		return err
	}
	defer pages.Close()
	memory, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer memory.Close()
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "[v") { // vdso, vvar, vsyscall
			continue
		}
		var from, to int64
		var mode string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &mode); err != nil {
			return fmt.Errorf("touching: %q: %w", lines.Text(), err)
		}
		if mode[0] != 'r' {
			continue
		}
		if err := touchPages(memory, pages, from, to, write && mode[1] == 'w' && mode[3] == 'p'); err != nil {
			return err
		}
	}
	return lines.Err()
}

// touchPages touches those that are in memory, and writes those that are the process's alone.
func touchPages(memory, pages *os.File, from, to int64, writable bool) error {
	entries := make([]byte, 8*pagesAtOnce)
	one := make([]byte, 1)
	for at := from; at < to; at += pagesAtOnce * pageBytes {
		n := min(pagesAtOnce, (to-at)/pageBytes)
		if _, err := pages.ReadAt(entries[:8*n], at/pageBytes*8); err != nil && err != io.EOF {
			return err
		}
		for i := range n {
			entry := binary.NativeEndian.Uint64(entries[8*i:])
			if entry&pagePresent == 0 {
				continue
			}
			address := at + i*pageBytes
			if _, err := memory.ReadAt(one, address); err != nil {
				return fmt.Errorf("touching %x: %w", address, err)
			}
			if !writable || entry&pageOfFile != 0 {
				continue
			}
			if _, err := memory.WriteAt(one, address); err != nil {
				return fmt.Errorf("touching %x: %w", address, err)
			}
		}
	}
	return nil
}
