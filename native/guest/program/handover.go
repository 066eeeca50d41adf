package program

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// order is what an interpreter that waits is told: all in which its program differs from what it was started for.
type order struct {
	// Env is the whole environment, in the order that a new process would have it.
	Env [][2]string `json:"env"`
	// Stdin is the path of a file; empty where standard input is what it is, or the offered pipe.
	Stdin string `json:"stdin,omitempty"`
	// Offered says that the pipe becomes standard input.
	Offered bool `json:"offered"`
}

// fromWaiting makes the interpreter that waits the program, or ends it; no run where the program is to be started anew, and
// then, if one had waited, why. One that waits no longer is gone before that: nothing of it is seen by the other.
func (h *Host) fromWaiting(spec Spec) (run *Run, why string) {
	w := h.antechamber.take()
	if w == nil {
		return nil, ""
	}
	if why = misfit(w.run.spec, spec, w.used); why == "" {
		err := w.become(spec)
		if err == nil {
			return w.run, ""
		}
		why = err.Error()
	}
	// What it leaves, if anything, is seen to with the vm.
	_ = w.end()
	return nil, why
}

// become hands the program over. After an error the interpreter has not begun with it.
func (w *waiting) become(spec Spec) error {
	r := w.run
	r.spec = spec
	ours, err := r.provide()
	if err != nil {
		return err
	}
	env, err := flatten(environment(spec.Env, ours))
	if err != nil {
		return err
	}
	told := order{Offered: spec.Stdin}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		told.Env = append(told.Env, [2]string{name, value})
	}
	if spec.Input != nil && !spec.Stdin {
		told.Stdin = r.place.input()
	}
	if spec.Stdin {
		if r.stdin, err = newSpool(r.host.SpoolDir); err != nil {
			return err
		}
		w.later(r.stdin.file.Close)
		r.stdinPipe = w.offered
	}
	if err := r.limit(); err != nil {
		return err
	}
	if err := w.wake(); err != nil {
		return err
	}
	r.before, r.began = r.host.readCounters(), time.Now()
	return w.tell(told)
}

// tell sends the order and waits until it is carried out: from then on the process is the program.
func (w *waiting) tell(told order) error {
	line, err := json.Marshal(told)
	if err != nil {
		return err
	}
	by := time.Now().Add(takesWithin)
	if err := w.control.SetWriteDeadline(by); err != nil {
		return err
	}
	if _, err := w.control.Write(append(line, '\n')); err != nil {
		return err
	}
	if err := w.hear("taken\n", time.Until(by)); err != nil {
		return fmt.Errorf("it did not say within %v that it took the program over: %w", takesWithin, err)
	}
	w.control.Close()
	if !w.run.spec.Stdin {
		w.offered.Close()
	}
	return nil
}

// atStart are variables that an interpreter, its libraries or the C library read when a process starts; with others than
// the interpreter was started with, another process is needed. atStartBeginnings are the beginnings of more.
var (
	atStart           = []string{"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TZDIR", "GCONV_PATH", "LOCPATH"}
	atStartBeginnings = []string{
		"PYTHON", "NODE", "LD_", "LC_", "OPENSSL_", "SSL_", "UV_", "GLIBC_", "MALLOC_", "V8_", "ICU_", waitVariable,
	}
)

// misfit says why a program cannot run in the interpreter that was started for another; empty where it can. It takes the same
// words in the same folder (both stay visible in /proc), an environment that does not differ in what was read at the start,
// and memory enough for what was loaded ahead, of which so many bytes are used.
func misfit(prepared, wanted Spec, used int64) string {
	switch {
	case !slices.Equal(prepared.Argv, wanted.Argv):
		return "it waits for another command line"
	case prepared.Cwd != wanted.Cwd:
		return "it waits in another folder"
	case wanted.Memory != 0 && used > wanted.Memory/2:
		return fmt.Sprintf("it has %d of %d bytes of memory already", used, wanted.Memory)
	case !maps.Equal(readAtStart(prepared.Env), readAtStart(wanted.Env)):
		return "it has read other variables at its start"
	}
	return ""
}

// readAtStart picks the variables that are read when an interpreter starts.
func readAtStart(env map[string]string) map[string]string {
	read := make(map[string]string)
	for name, value := range environment(env, nil) {
		early := slices.ContainsFunc(atStartBeginnings, func(s string) bool { return strings.HasPrefix(name, s) })
		if early || slices.Contains(atStart, name) {
			read[name] = value
		}
	}
	return read
}
