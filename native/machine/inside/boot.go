// Package inside is the machine's init: it makes a Linux host out of a kernel and a read-only image, holds what the host
// computer asks for over virtio-serial ports, and keeps the server running.
package inside

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vulcan/native/modules"
	"vulcan/native/reaper"
)

// dataDir is $VULCAN_HOME inside the machine, on the data disk.
const dataDir = "/var/lib/vulcan"

const configDir = "/run/vulcan/config"

type step struct {
	name string
	act  func() error
}

// bootSteps are in order; what a failed step is called is what the host is told.
var bootSteps = []step{
	{"early mounts", mountEarly},
	{"modules", loadModules},
	{"root", switchRoot},
	{"mounts", mountSystem},
	{"cgroups", mountCgroups},
	{"data disk", mountData},
	{"shares", mountShares},
	{"sysctls", setSysctls},
	{"network", setNetwork},
	{"hold", hold},
}

func loadModules() error {
	order, err := modules.Order(modules.Dir)
	if err != nil {
		return err
	}
	return errors.Join(modules.Load(order)...)
}

// Run is process 1's whole life; it ends by powering the machine off.
func Run() {
	begun := time.Now()
	os.Setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	phases := make(map[string]int64, len(bootSteps))
	for _, step := range bootSteps {
		stepBegun := time.Now()
		if err := step.act(); err != nil {
			fail(step.name, err)
		}
		phases[strings.ReplaceAll(step.name, " ", "_")] = time.Since(stepBegun).Microseconds()
	}
	phases["init"] = time.Since(begun).Microseconds()
	if err := serve(phases); err != nil {
		fail("serve", err)
	}
}

// serve starts everything that lives as long as the machine and waits for the order to power off.
func serve(phases map[string]int64) error {
	reap := reaper.New()
	port, err := openPort("vulcan.events")
	if err != nil {
		return err
	}
	events := newEvents(port)
	events.state("up", message{"event": "up", "uptime_us": uptime().Microseconds(), "phases_us": phases})
	server := newServer(reap, events)
	off := make(chan struct{}, 1)
	go events.run(func(op string) {
		switch op {
		case "restart_server":
			server.restart()
		case "poweroff":
			select {
			case off <- struct{}{}:
			default:
			}
		case "ping":
			events.send(message{"event": "pong"})
		default:
			events.send(message{"event": "refused", "op": op})
		}
	})
	for i := range execPorts {
		go serveExec(fmt.Sprintf("vulcan.exec.%d", i), reap)
	}
	go server.run()
	<-off
	server.stop()
	powerOff()
	return nil
}

// fail tells the host (on the console always, on the events port where it can be had) and powers off.
func fail(step string, err error) {
	fmt.Printf("vulcan-machine: %s: %v\n", step, err)
	if port, portErr := openPort("vulcan.events"); portErr == nil {
		events := newEvents(port)
		go events.run(func(string) {})
		events.state("failed", message{"event": "failed", "step": step, "error": err.Error()})
		events.drain(2 * time.Second)
	}
	powerOff()
}

// powerOff ends every process, unmounts the data disk so that it is clean, and turns the machine off.
func powerOff() {
	unix.Kill(-1, unix.SIGTERM)
	time.Sleep(200 * time.Millisecond)
	unix.Kill(-1, unix.SIGKILL)
	for _, share := range shares {
		unix.Unmount(share.path, unix.MNT_DETACH)
	}
	unix.Sync()
	if err := unix.Unmount(dataDir, 0); err != nil {
		// Something still holds it: read-only is as clean, and sees that nothing is written after the sync.
		unix.Mount("", dataDir, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")
	}
	unix.Sync()
	unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	select {}
}

func uptime() time.Duration {
	var now unix.Timespec
	unix.ClockGettime(unix.CLOCK_BOOTTIME, &now)
	return time.Duration(now.Nano())
}
