// Package keeper runs the machine's QEMU on the host: it starts it, watches over it, starts it again when it stops
// answering, keeps its console, and is the one place that others ask. QEMU does not outlive it, so whoever reaches the
// keeper reaches the machine, and no pid is ever guessed.
package keeper

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"vulcan/native/machine/logfile"
)

// Spec is what the command line writes for us. Durations are in milliseconds.
type Spec struct {
	// Argv is QEMU's command line; descriptor 3 is its end of the events port.
	Argv []string `json:"argv"`
	// About is what whoever starts the machine wants to find in its status; not ours to read.
	About json.RawMessage `json:"about"`
	// Control is the path of the unix socket on which we are asked.
	Control           string `json:"control"`
	ConsoleLog        string `json:"console_log"`
	ConsoleLimitBytes int64  `json:"console_limit_bytes"`
	// BootTimeoutMs is the deadline of the machine's "up".
	BootTimeoutMs int64 `json:"boot_timeout_ms"`
	// BootTries is how often a machine that never came up is started.
	BootTries   int   `json:"boot_tries"`
	PingEveryMs int64 `json:"ping_every_ms"`
	// PingTimeoutMs without any word from a machine that is up means that it hangs.
	PingTimeoutMs int64 `json:"ping_timeout_ms"`
	// StopTimeoutMs is what an orderly power-off may take.
	StopTimeoutMs int64 `json:"stop_timeout_ms"`
	// MaxRestarts within RestartWindowMs; one more and we give up.
	MaxRestarts     int   `json:"max_restarts"`
	RestartWindowMs int64 `json:"restart_window_ms"`
}

func ms(value int64) time.Duration { return time.Duration(value) * time.Millisecond }

// Status is what a client is told when it connects and at every change.
type Status struct {
	Event string `json:"event"` // always "status"
	// State is starting, up (answers, no server), ready (the server listens), stopping, stopped or failed.
	State         string `json:"state"`
	KeeperPid     int    `json:"keeper_pid"`
	QemuPid       int    `json:"qemu_pid"`
	StartedUnixMs int64  `json:"started_unix_ms"`
	// UpAfterMs and ReadyAfterMs count from the start of this QEMU; 0 when it is not so far.
	UpAfterMs    int64 `json:"up_after_ms"`
	ReadyAfterMs int64 `json:"ready_after_ms"`
	// Restarts of QEMU since the keeper began, and why the last one was needed.
	Restarts    int    `json:"restarts"`
	LastFailure string `json:"last_failure"`
	// About is the specification's.
	About json.RawMessage `json:"about"`
}

type keeper struct {
	spec    Spec
	console *logfile.Log
	hub     *hub
	orders  chan string

	mu     sync.Mutex
	status Status
	// failures are the times at which QEMU had to be started again.
	failures []time.Time
	everUp   bool
}

// Run keeps the machine of a specification until it is told to stop. It says "listening" on standard output, once, when
// clients can connect.
func Run(specPath string) error {
	content, err := os.ReadFile(specPath)
	if err != nil {
		return err
	}
	k := &keeper{orders: make(chan string, 16), status: Status{Event: "status", State: "starting", KeeperPid: os.Getpid()}}
	if err := json.Unmarshal(content, &k.spec); err != nil {
		return fmt.Errorf("%s: %w", specPath, err)
	}
	if len(k.spec.Argv) == 0 {
		return fmt.Errorf("%s: argv is empty", specPath)
	}
	k.status.About = k.spec.About
	k.console = logfile.New(k.spec.ConsoleLog, k.spec.ConsoleLimitBytes)
	if k.hub, err = listen(k.spec.Control, k.snapshot, k.orders); err != nil {
		return err
	}
	defer k.hub.close()
	fmt.Println("listening")
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, unix.SIGTERM, unix.SIGINT, unix.SIGHUP)
	go func() {
		for range asked {
			k.orders <- "stop"
		}
	}()
	// QEMU is told to die with the thread that started it, so this thread has to last.
	runtime.LockOSThread()
	return k.run()
}

// run starts QEMU again and again, until it was stopped on purpose or there is no hope.
func (k *keeper) run() error {
	for {
		reason := k.once()
		if reason == "" {
			k.update(func(s *Status) { s.State = "stopped" })
			return nil
		}
		fmt.Fprintln(os.Stderr, time.Now().UTC().Format(time.RFC3339), reason)
		if why := k.hopeless(time.Now()); why != "" {
			k.update(func(s *Status) { s.State, s.LastFailure = "failed", reason+why })
			return fmt.Errorf("%s%s", reason, why)
		}
		k.update(func(s *Status) { s.State, s.LastFailure, s.Restarts = "starting", reason, s.Restarts+1 })
	}
}

// hopeless counts a failure and says why another start would not help, or nothing. A machine that never came up gets
// as many starts as the specification says, a later one as many restarts.
func (k *keeper) hopeless(now time.Time) string {
	k.failures = append(k.failures, now)
	recent := 0
	for _, at := range k.failures {
		if now.Sub(at) < ms(k.spec.RestartWindowMs) {
			recent++
		}
	}
	switch {
	case !k.everUp && len(k.failures) < k.spec.BootTries:
		return ""
	case !k.everUp:
		return fmt.Sprintf(" (%d times)", len(k.failures))
	case recent > k.spec.MaxRestarts:
		return fmt.Sprintf(" (%d times in %v)", recent, ms(k.spec.RestartWindowMs))
	default:
		return ""
	}
}

func (k *keeper) update(change func(*Status)) {
	k.mu.Lock()
	change(&k.status)
	status := k.status
	k.mu.Unlock()
	k.hub.tell(status)
}

func (k *keeper) snapshot() any {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.status
}
