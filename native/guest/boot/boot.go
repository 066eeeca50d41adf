// Package boot is what vulcan-guest does as /init, until the vm can take a program: modules, devices, the image under
// its overlay, the file systems around it, cgroups, and the user that programs run as.
package boot

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Options are what the kernel's command line says.
type Options struct {
	// Root is the device of the image; Disk that of the writable ext4, or `tmpfs:SIZE_MIB`.
	Root, Disk string
}

// ParseOptions picks our words from the kernel's command line.
func ParseOptions(cmdline string) Options {
	options := Options{Root: "/dev/vda", Disk: "/dev/vdb"}
	for word := range strings.FieldsSeq(cmdline) {
		if value, ok := strings.CutPrefix(word, "vulcan.root="); ok {
			options.Root = value
		}
		if value, ok := strings.CutPrefix(word, "vulcan.disk="); ok {
			options.Disk = value
		}
	}
	return options
}

// Report is what became of the boot: how long each phase took, and what went wrong without stopping it.
type Report struct {
	PhasesUs map[string]int64
	Warnings []string
}

// Failure is a boot that stopped.
type Failure struct {
	Step string
	Err  error
}

func (f *Failure) Error() string { return f.Step + ": " + f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

type boot struct {
	options Options
	report  Report
}

// Run boots, and returns the report whether it fails or not. When it fails, the words of the warnings are part of the
// failure: a module that did not load is the usual reason for a device that is not there.
func Run() (Report, error) {
	b := &boot{report: Report{PhasesUs: make(map[string]int64)}}
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"early", b.early},
		{"modules", b.modules},
		{"devices", b.devices},
		{"root", b.root},
		{"mounts", b.mounts},
		{"cgroups", b.cgroups},
		{"settings", b.settings},
		{"user", b.user},
	} {
		began := time.Now()
		err := step.do()
		b.report.PhasesUs[step.name] = time.Since(began).Microseconds()
		if err != nil {
			for _, warning := range b.report.Warnings {
				err = fmt.Errorf("%w; %s", err, warning)
			}
			return b.report, &Failure{Step: step.name, Err: err}
		}
	}
	return b.report, nil
}

func (b *boot) warn(format string, args ...any) {
	b.report.Warnings = append(b.report.Warnings, fmt.Sprintf(format, args...))
}

// early makes the kernel's own file systems visible.
func (b *boot) early() error {
	unix.Umask(0o022)
	err := errors.Join(
		mount("proc", "/proc", "proc", 0, ""),
		mount("sysfs", "/sys", "sysfs", 0, ""),
		mount("devtmpfs", "/dev", "devtmpfs", 0, ""),
	)
	if err != nil {
		return err
	}
	if err := calmMonitor(); err != nil {
		b.warn("the runtime's monitor: %v", err)
	}
	cmdline, err := os.ReadFile("/proc/cmdline")
	b.options = ParseOptions(string(cmdline))
	return err
}

// mount makes the directory it mounts on.
func mount(source, target, kind string, flags uintptr, data string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("mounting %s (%s) on %s: %w", source, kind, target, err)
	}
	return nil
}

// Uptime is the time since the kernel started, which a pause of the vm does not stop.
func Uptime() time.Duration {
	var now unix.Timespec
	// It fails for clocks that do not exist only.
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &now)
	return time.Duration(now.Nano())
}
