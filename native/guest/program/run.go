package program

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vulcan/native/reaper"
)

// emptyWithin is how long killed processes may take to be gone.
const emptyWithin = 5 * time.Second

// frozenWithin is how long processes may take to stop.
const frozenWithin = 30 * time.Second

// Run is a program that runs.
type Run struct {
	// Warm says that it runs in an interpreter that had waited for it.
	Warm bool
	// Cold says why it does not, where one had waited.
	Cold    string
	host    *Host
	spec    Spec
	place   place
	group   *group
	process *reaper.Process
	began   time.Time
	before  counters
	// Of the interpreter before it had its program, in microseconds.
	cpuBefore, throttledBefore int64
	stdin                      *spool
	stdinPipe                  *os.File
	outputs                    outputs
}

// Exit is how a program ended, in the words of the protocol.
type Exit struct {
	Op       string  `json:"op"`
	Code     *int    `json:"code"`
	Signal   *string `json:"signal"`
	OOM      bool    `json:"oom"`
	DiskFull bool    `json:"disk_full"`
	Result   Result  `json:"result"`
	WallUs   int64   `json:"wall_us"`
	Usage    Usage   `json:"usage"`
}

// Pid is the program's process id.
func (r *Run) Pid() int { return r.process.Pid }

// Stdin takes bytes of standard input; a program that takes none drops them.
func (r *Run) Stdin(data []byte) error {
	if r.stdin == nil {
		return nil
	}
	return r.stdin.push(data)
}

// EndStdin says that no more standard input comes.
func (r *Run) EndStdin() {
	if r.stdin != nil {
		r.stdin.end()
	}
}

// Kill sends a signal: SIGKILL to all of the program, any other to its main process. The dead do not mind.
func (r *Run) Kill(signal syscall.Signal) error {
	var err error
	switch {
	case signal != syscall.SIGKILL:
		err = r.process.Signal(signal)
	case r.group != nil:
		err = r.group.kill()
	default:
		err = r.process.SignalGroup(signal)
	}
	if errors.Is(err, syscall.ESRCH) || errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// Follow carries output to who takes it until the program has ended and all was read; then it is the exit, with the result
// where there is one, and nothing is left of the program. It is called once.
func (r *Run) Follow(to Sink) (Exit, []byte, error) {
	var pumps sync.WaitGroup
	pumps.Go(func() { r.outputs.carry(to) })
	var feeding error
	if r.stdin != nil {
		pumps.Go(func() { feeding = r.stdin.feed(r.stdinPipe) })
	}
	<-r.process.Done()
	exit := Exit{Op: "exit", WallUs: time.Since(r.began).Microseconds(), DiskFull: r.host.diskFull()}
	after := r.host.readCounters()
	problems := []error{r.killRest()}
	if r.stdin != nil {
		r.stdin.drop()
		r.stdinPipe.Close()
	}
	r.outputs.drain()
	pumps.Wait()
	exit.describe(r.process.Status())
	exit.Usage = usageOf(r.before, after)
	problems = append(problems, feeding, r.account(&exit))
	data, result := readResult(r.place.dir, r.spec.ResultMax)
	exit.Result = result
	problems = append(problems, r.place.remove())
	return exit, data, errors.Join(problems...)
}

func (r *Run) killRest() error {
	if r.group == nil {
		// The leader is gone, but its process group lives as long as anyone in it does.
		if err := syscall.Kill(-r.process.Pid, syscall.SIGKILL); err != syscall.ESRCH {
			return err
		}
		return nil
	}
	return r.group.kill()
}

// account reads the cgroup's last words and removes it.
func (r *Run) account(exit *Exit) error {
	if r.group == nil {
		used := r.process.Usage()
		exit.Usage.CPUUs = (used.Utime.Nano() + used.Stime.Nano()) / 1000
		exit.Usage.PeakMemBytes = used.Maxrss << 10
		return nil
	}
	// Thousands of processes may take their time to go: what they took is known, and what ended them.
	late := r.group.waitEmpty(emptyWithin)
	cpu, err := r.group.values("cpu.stat")
	if err != nil {
		return fmt.Errorf("usage: %w", err)
	}
	memory, err := r.group.values("memory.events")
	if err != nil {
		return fmt.Errorf("usage: %w", err)
	}
	exit.Usage.CPUUs = cpu["usage_usec"] - r.cpuBefore
	exit.Usage.ThrottledUs = cpu["throttled_usec"] - r.throttledBefore
	exit.Usage.PeakMemBytes = r.group.number("memory.peak")
	exit.OOM = memory["oom_kill"] > 0
	if late != nil {
		return late
	}
	return r.group.remove()
}

func (e *Exit) describe(status syscall.WaitStatus) {
	if status.Signaled() {
		name := unix.SignalName(status.Signal())
		if name == "" {
			name = fmt.Sprintf("SIG%d", status.Signal())
		}
		e.Signal = &name
		return
	}
	code := status.ExitStatus()
	e.Code = &code
}
