// vulcan-guest is init and agent of a Vulcan microVM: it boots it, says so to the host, and runs programs as the host
// asks (src/firecracker/PROTOCOL.md).
//
// Run by hand it is the agent alone, on a unix socket, for trials and tests without a vm:
//
//	vulcan-guest serve SOCKET FOLDER
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"vulcan/native/guest/boot"
	"vulcan/native/guest/kept"
	"vulcan/native/guest/program"
	"vulcan/native/guest/session"
	"vulcan/native/guest/socket"
	"vulcan/native/reaper"
	"vulcan/native/wire"
)

// version is set at build time.
var version = "0.1.0"

const (
	sessionPort = 1024
	readyPort   = 1025
	// hostWithin is how long the host may take to take note.
	hostWithin = 10 * time.Second
)

func main() {
	if os.Getpid() == 1 {
		run()
		return
	}
	if len(os.Args) != 4 || os.Args[1] != "serve" {
		fmt.Fprintln(os.Stderr, "usage: vulcan-guest serve SOCKET FOLDER")
		os.Exit(2)
	}
	if err := serveFolder(os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "vulcan-guest:", err)
		os.Exit(1)
	}
}

// run is PID 1: it does not return.
func run() {
	// Programs are looked for along it, and an init is given none.
	os.Setenv("PATH", program.DefaultPath)
	report, err := boot.Run()
	var listener *socket.Listener
	if err == nil {
		if listener, err = socket.ListenVsock(sessionPort); err != nil {
			for _, warning := range report.Warnings {
				err = fmt.Errorf("%w; %s", err, warning)
			}
			err = &boot.Failure{Step: "vsock", Err: err}
		}
	}
	if err != nil {
		fail(err)
	}
	env := guestEnvironment()
	go func() {
		if err := tellReady(report); err != nil {
			// The host may have been restored from a snapshot, or dial anyway; sessions are taken all the same.
			logf("%v", err)
		}
	}()
	fail(&boot.Failure{Step: "accept", Err: serve(listener, env)})
}

func guestEnvironment() *session.Environment {
	return &session.Environment{
		Version: version,
		Programs: &program.Host{
			Reaper: reaper.New(), UID: boot.UID, GID: boot.GID, Drop: true,
			Cgroup: boot.ProgramCgroup, RunDir: "/run/vulcan", SpoolDir: "/tmp",
			Disk: "/", BlockStat: "/sys/class/block/vdb/stat", NetStats: "/sys/class/net/eth0/statistics",
		},
		Runs: &kept.Runs{Abandoned: reset, Log: logf},
		Work: "/work", SpoolDir: "/tmp",
		Configure: configure, Shutdown: reset, Log: logf,
	}
}

func serve(listener *socket.Listener, env *session.Environment) error {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM) {
			// The one wait without an event: nothing tells when descriptors or memory are to be had again.
			logf("accepting a session: %v", err)
			time.Sleep(100 * time.Millisecond)
			continue
		}
		if err != nil {
			return err
		}
		go func() {
			if err := session.Serve(conn, env); err != nil {
				logf("session: %v", err)
			}
		}()
	}
}

type ready struct {
	Op       string           `json:"op"`
	Proto    int              `json:"proto"`
	UptimeUs int64            `json:"uptime_us"`
	PhasesUs map[string]int64 `json:"phases_us"`
	Warnings []string         `json:"warnings,omitempty"`
}

type failed struct {
	Op    string `json:"op"`
	Step  string `json:"step"`
	Error string `json:"error"`
}

func tellReady(report boot.Report) error {
	return tell(ready{
		Op: "ready", Proto: session.Protocol, UptimeUs: boot.Uptime().Microseconds(), PhasesUs: report.PhasesUs, Warnings: report.Warnings,
	})
}

func tell(message any) error {
	var frame bytes.Buffer
	if err := wire.NewWriter(&frame).Control(message); err != nil {
		return err
	}
	return socket.Tell(readyPort, frame.Bytes(), hostWithin)
}

// fail tells the host what went wrong, where that can still be told, and ends the vm: a host that waits sees it end.
func fail(err error) {
	logf("failed: %v", err)
	message := failed{Op: "failed", Step: "init", Error: err.Error()}
	var failure *boot.Failure
	if errors.As(err, &failure) {
		message.Step, message.Error = failure.Step, failure.Err.Error()
	}
	if err := tell(message); err != nil {
		logf("%v", err)
	}
	reset()
}

// reset ends the vm: Firecracker exits when its guest resets.
func reset() {
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART); err != nil {
		logf("reset: %v", err)
	}
}

// logf writes to the console, which is off but for a trial.
func logf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "vulcan-guest: "+format+"\n", args...)
}
