package program

import (
	"errors"
	"os"
	"syscall"
	"time"

	"vulcan/native/guest/fault"
)

// Start starts a program: in the interpreter that waits for it, where one does and the program fits, else in a new
// process. The error is a *fault.Error where the request or the program is at fault.
func (h *Host) Start(spec Spec) (*Run, error) {
	r := &Run{host: h, spec: spec}
	if spec.Rehearsal {
		// Slower is all that a program is without.
		_ = h.touch()
	} else {
		warm, why := h.fromWaiting(spec)
		if warm != nil {
			return warm, nil
		}
		r.Cold = why
	}
	// In the order they are made; when all went well, the child's ends of the pipes are what is left to close.
	var undo []func() error
	err := r.start(&undo)
	if err == nil {
		return r, nil
	}
	for i := len(undo) - 1; i >= 0; i-- {
		err = errors.Join(err, undo[i]())
	}
	return nil, fault.Of(err, fault.Internal, "exec")
}

func (r *Run) start(undo *[]func() error) error {
	later := func(do func() error) { *undo = append(*undo, do) }
	if err := r.settle(later); err != nil {
		return err
	}
	if err := r.limit(); err != nil {
		return err
	}
	ours, err := r.provide()
	if err != nil {
		return err
	}
	files, theirs, err := r.openFiles(later)
	for _, file := range theirs {
		defer file.Close()
	}
	if err != nil {
		return err
	}
	return r.launch(files, ours)
}

// settle makes the program's folder and cgroup.
func (r *Run) settle(later func(func() error)) error {
	if err := checkCwd(r.spec.Cwd); err != nil {
		return err
	}
	var err error
	if r.place, err = r.host.newPlace(); err != nil {
		return err
	}
	later(r.place.remove)
	if r.group, err = newGroup(r.host.Cgroup, r.place.name); err != nil {
		return err
	}
	if r.group != nil {
		later(r.group.remove)
	}
	return nil
}

func (r *Run) limit() error {
	if r.group == nil {
		return nil
	}
	return r.group.limit(r.spec)
}

// provide leaves the input in the program's folder; the variables say where things are in it.
func (r *Run) provide() (ours map[string]string, err error) {
	ours = map[string]string{"VULCAN_RESULT": r.place.result()}
	if r.spec.Input != nil {
		ours["VULCAN_INPUT"] = r.place.input()
		err = r.place.writeInput(*r.spec.Input)
	}
	return ours, err
}

// openFiles opens what the program has as 0, 1 and 2. theirs are to be closed here once the program has them.
func (r *Run) openFiles(later func(func() error)) (files []uintptr, theirs []*os.File, err error) {
	stdin, err := r.openStdin(later)
	if err != nil {
		return nil, nil, err
	}
	outputs, err := r.outputs.open(r.host, later)
	theirs = append([]*os.File{stdin}, outputs...)
	for _, file := range theirs {
		files = append(files, file.Fd())
	}
	return files, theirs, err
}

func (r *Run) openStdin(later func(func() error)) (*os.File, error) {
	if !r.spec.Stdin {
		if r.spec.Input != nil {
			return os.Open(r.place.input())
		}
		return os.Open(os.DevNull)
	}
	spool, err := newSpool(r.host.SpoolDir)
	if err != nil {
		return nil, err
	}
	later(spool.file.Close)
	mine, theirs, err := newPipe(r.host, 1)
	if err != nil {
		return nil, err
	}
	later(mine.Close)
	r.stdin, r.stdinPipe = spool, mine
	return theirs, nil
}

func (r *Run) launch(files []uintptr, ours map[string]string) error {
	env := environment(r.spec.Env, ours)
	flat, err := flatten(env)
	if err != nil {
		return err
	}
	if len(r.spec.Argv) == 0 {
		return fault.New(fault.BadRequest, "argv", "there is no program to run")
	}
	path, err := lookPath(r.spec.Argv[0], env["PATH"], r.spec.Cwd)
	if err != nil {
		return err
	}
	sys := &syscall.SysProcAttr{Setsid: true}
	if r.host.Drop {
		sys.Credential = &syscall.Credential{Uid: uint32(r.host.UID), Gid: uint32(r.host.GID), Groups: []uint32{}}
	}
	if r.group != nil {
		sys.UseCgroupFD, sys.CgroupFD = true, r.group.fd()
	}
	r.before = r.host.readCounters()
	r.began = time.Now()
	attr := &syscall.ProcAttr{Dir: r.spec.Cwd, Env: flat, Files: files, Sys: sys}
	r.process, err = r.host.launcher.start(r.host.Reaper, path, r.spec.Argv, attr)
	if err != nil {
		return startFailure(path, err)
	}
	return nil
}
