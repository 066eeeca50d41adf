package program

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"vulcan/native/guest/fault"
)

const (
	// waitVariable tells an interpreter that it is to wait, and the descriptors: control, and what may become standard
	// input. They are far from those that an interpreter opens for itself, which must get the numbers they always get.
	waitVariable         = "VULCAN_WAIT"
	controlFD, offeredFD = 62, 63
	// waitsWithin is how long an interpreter may take until it waits; under emulation some take long.
	waitsWithin = 60 * time.Second
	// takesWithin is how long one that waits may take to become the program: under emulation, where no page of it has been
	// touched yet and others use the processor, ten seconds were too short.
	takesWithin = 30 * time.Second
)

// waiting is an interpreter that runs already and waits for its program. Its process, folder, cgroup and pipes are the
// program's own, made before it was known.
type waiting struct {
	run     *Run
	control *os.File
	// offered is our end of the pipe that becomes standard input where some is sent.
	offered *os.File
	// used is the memory that it has, in bytes; 0 where nobody counts.
	used int64
	// rests says that its cgroup is frozen.
	rests bool
	undo  []func() error
}

// antechamber is where at most one interpreter waits.
type antechamber struct {
	mu      sync.Mutex
	waiting *waiting
}

// take empties it.
func (a *antechamber) take() *waiting {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.waiting
	a.waiting = nil
	return w
}

// put is false where one waits already.
func (a *antechamber) put(w *waiting) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waiting != nil {
		return false
	}
	a.waiting = w
	return true
}

// Prepare starts an interpreter, as spec will start it, with more environment that makes it wait, and returns once it
// waits. The next Start uses it or ends it. The error is a *fault.Error.
func (h *Host) Prepare(spec Spec, more map[string]string) error {
	w := &waiting{run: &Run{host: h, spec: spec, Warm: true}}
	err := w.start(more)
	if err == nil && !h.antechamber.put(w) {
		err = fault.New(fault.BadRequest, "prepare", "an interpreter waits already")
	}
	if err == nil {
		return nil
	}
	return fault.Of(errors.Join(err, w.end()), fault.Internal, "prepare")
}

func (w *waiting) later(do func() error) { w.undo = append(w.undo, do) }

func (w *waiting) start(more map[string]string) error {
	r := w.run
	if err := r.settle(w.later); err != nil {
		return err
	}
	if err := r.limit(); err != nil {
		return err
	}
	files, theirs, err := w.openFiles()
	for _, file := range theirs {
		defer file.Close()
	}
	if err != nil {
		return err
	}
	ours := map[string]string{waitVariable: fmt.Sprintf("%d,%d", controlFD, offeredFD)}
	for name, value := range more {
		ours[name] = value
	}
	if err := r.launch(files, ours); err != nil {
		return err
	}
	if err := w.hear("waiting\n", waitsWithin); err != nil {
		return fault.New(fault.ExecFailed, "wait", "%s did not come to wait: %w", r.spec.Argv[0], err)
	}
	return errors.Join(w.rest(), w.count())
}

// rest stops it until it is touched, or is its program's. Some threads of an interpreter go on for a while after it has come
// to wait, and the kernel takes all the time between a snapshot and the vm that goes on from it for that of the thread that
// ran at that moment: of a program with a share of the processor that is used up for as long, and nothing of it runs, nor dies.
func (w *waiting) rest() error {
	if w.run.group == nil {
		return nil
	}
	w.rests = true
	return w.run.group.freeze(true)
}

// wake lets it go on; also after a stop that took too long, which would come still, and for good.
func (w *waiting) wake() error {
	if !w.rests {
		return nil
	}
	err := w.run.group.freeze(false)
	w.rests = err != nil
	return err
}

// count notes what it has used: next to nothing more while it waits.
func (w *waiting) count() error {
	r := w.run
	if r.group == nil {
		return nil
	}
	w.used = r.group.number("memory.current")
	cpu, err := r.group.values("cpu.stat")
	r.cpuBefore, r.throttledBefore = cpu["usage_usec"], cpu["throttled_usec"]
	return err
}

// openFiles opens empty input and the outputs of the program to be, and behind them what it waits with.
func (w *waiting) openFiles() (files []uintptr, theirs []*os.File, err error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, nil, err
	}
	theirs = append(theirs, null)
	outputs, err := w.run.outputs.open(w.run.host, w.later)
	theirs = append(theirs, outputs...)
	if err != nil {
		return nil, theirs, err
	}
	for len(files) < offeredFD+1 {
		files = append(files, ^uintptr(0)) // closed
	}
	for i, file := range theirs {
		files[i] = file.Fd()
	}
	control, err := w.openControl()
	if err != nil {
		return nil, theirs, err
	}
	theirs = append(theirs, control)
	offered, offering, err := newPipe(w.run.host, 1)
	if err != nil {
		return nil, theirs, err
	}
	w.offered = offered
	w.later(offered.Close)
	files[controlFD], files[offeredFD] = control.Fd(), offering.Fd()
	return files, append(theirs, offering), nil
}

// openControl makes the socket that the interpreter reads from; our end has deadlines.
func (w *waiting) openControl() (theirs *os.File, err error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	theirs = os.NewFile(uintptr(ends[1]), "waiting")
	if err := unix.SetNonblock(ends[0], true); err != nil {
		unix.Close(ends[0])
		return theirs, err
	}
	w.control = os.NewFile(uintptr(ends[0]), "control")
	w.later(w.control.Close)
	return theirs, nil
}

// hear waits for one word of the interpreter.
func (w *waiting) hear(word string, within time.Duration) error {
	if err := w.control.SetReadDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	said := make([]byte, len(word))
	n, err := w.control.Read(said)
	if err != nil {
		return err
	}
	if string(said[:n]) != word {
		return fmt.Errorf("it said %q, not %q", said[:n], word)
	}
	return nil
}

// end kills the interpreter and leaves nothing of it.
func (w *waiting) end() error {
	var problems []error
	if w.run.process != nil {
		problems = append(problems, w.run.Kill(unix.SIGKILL))
		<-w.run.process.Done()
		problems = append(problems, w.run.killRest())
	}
	if w.run.group != nil {
		problems = append(problems, w.run.group.waitEmpty(emptyWithin))
	}
	for i := len(w.undo) - 1; i >= 0; i-- {
		problems = append(problems, w.undo[i]())
	}
	return errors.Join(problems...)
}
