package main

import (
	"encoding/json"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"vulcan/native/machine/inside"
)

// kvmReport is what kvm-check prints: the processor's flag for hardware virtualisation, and "ok" or the error of each try.
type kvmReport struct {
	Flags    *string `json:"flags"`
	Open     string  `json:"open"`
	CreateVM string  `json:"createVm"`
}

// kvmCheck exits with 0 only when all three hold. A device that opens and creates vms is not enough: a paravirtual KVM
// does both and then runs guests through an instruction emulator that does not get them booted.
func kvmCheck(out io.Writer) int {
	cpuinfo, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		cpuinfo = nil
	}
	report := kvmReport{Flags: virtualisationFlag(string(cpuinfo)), Open: "ok", CreateVM: "not tried"}
	device, err := os.OpenFile("/dev/kvm", os.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		report.Open = err.Error()
	} else {
		defer device.Close()
		report.CreateVM = "ok"
		if vm, err := inside.CreateVM(device); err != nil {
			report.CreateVM = err.Error()
		} else {
			unix.Close(vm)
		}
	}
	json.NewEncoder(out).Encode(report)
	if report.Flags == nil || report.Open != "ok" || report.CreateVM != "ok" {
		return 1
	}
	return 0
}

func virtualisationFlag(cpuinfo string) *string {
	for line := range strings.Lines(cpuinfo) {
		name, value, found := strings.Cut(line, ":")
		if !found || strings.TrimSpace(name) != "flags" {
			continue
		}
		for _, flag := range strings.Fields(value) {
			if flag == "svm" || flag == "vmx" {
				return &flag
			}
		}
		return nil
	}
	return nil
}
