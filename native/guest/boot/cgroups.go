package boot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	cgroupRoot = "/sys/fs/cgroup"
	// ProgramCgroup is where programs get their cgroups.
	ProgramCgroup = cgroupRoot + "/vulcan"
	agentCgroup   = cgroupRoot + "/agent"
)

// cgroups gives the agent a group that answers while programs take all they can: the most of the cpu, and memory that
// is not reclaimed.
func (b *boot) cgroups() error {
	if err := mount("cgroup2", cgroupRoot, "cgroup2", quiet, ""); err != nil {
		return err
	}
	if err := errors.Join(os.Mkdir(agentCgroup, 0o755), os.Mkdir(ProgramCgroup, 0o755)); err != nil {
		return err
	}
	if err := write(agentCgroup+"/cgroup.procs", "0"); err != nil {
		return fmt.Errorf("moving the agent: %w", err)
	}
	for _, group := range []string{cgroupRoot, ProgramCgroup} {
		if err := b.enable(group); err != nil {
			return err
		}
	}
	return errors.Join(
		write(agentCgroup+"/cpu.weight", "10000"),
		write(agentCgroup+"/memory.min", "33554432"),
		write("/proc/self/oom_score_adj", "-1000"),
	)
}

// enable makes a group's children have controllers. A kernel may lack io; limits on the others are promised.
func (b *boot) enable(group string) error {
	known, err := os.ReadFile(filepath.Join(group, "cgroup.controllers"))
	if err != nil {
		return err
	}
	has := strings.Fields(string(known))
	for _, controller := range []string{"cpu", "memory", "pids"} {
		if !slices.Contains(has, controller) {
			return fmt.Errorf("the kernel has no cgroup controller %s", controller)
		}
		if err := write(filepath.Join(group, "cgroup.subtree_control"), "+"+controller); err != nil {
			return err
		}
	}
	if slices.Contains(has, "io") {
		return write(filepath.Join(group, "cgroup.subtree_control"), "+io")
	}
	return nil
}

// settings hardens the kernel, and lets programs do what harms nobody in a vm of their own. A kernel may lack any.
func (b *boot) settings() error {
	for name, value := range map[string]string{
		"kernel/dmesg_restrict":               "1",
		"kernel/kptr_restrict":                "2",
		"kernel/unprivileged_bpf_disabled":    "1",
		"kernel/panic_on_oops":                "1", // a kernel that has gone wrong tells no lies about a run
		"fs/protected_symlinks":               "1",
		"fs/protected_hardlinks":              "1",
		"fs/protected_fifos":                  "1",
		"fs/protected_regular":                "2",
		"net/ipv4/ip_unprivileged_port_start": "0",
		"net/ipv4/ping_group_range":           "0 2147483647",
	} {
		if err := write("/proc/sys/"+name, value); err != nil && !errors.Is(err, fs.ErrNotExist) {
			b.warn("%s: %v", name, err)
		}
	}
	return nil
}

func write(path, value string) error { return os.WriteFile(path, []byte(value), 0) }
