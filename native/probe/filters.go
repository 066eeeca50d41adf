package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// thread of a process, and which of the calls below its filters let through.
type thread struct {
	Name    string   `json:"name"`
	Filters int      `json:"filters"`
	Allowed []string `json:"allowed"`
}

// call is a system call, with its first argument where that decides.
type call struct {
	number uint32
	first  *uint64
}

// dangerous calls begin what a VMM never does: other programs, other namespaces, other processes, other networks.
var dangerous = map[string]call{
	"execve": {number: unix.SYS_EXECVE}, "execveat": {number: unix.SYS_EXECVEAT}, "fork": {number: unix.SYS_FORK},
	"vfork": {number: unix.SYS_VFORK}, "clone": {number: unix.SYS_CLONE}, "clone3": {number: unix.SYS_CLONE3},
	"unshare": {number: unix.SYS_UNSHARE}, "setns": {number: unix.SYS_SETNS}, "ptrace": {number: unix.SYS_PTRACE},
	"process_vm_readv": {number: unix.SYS_PROCESS_VM_READV}, "process_vm_writev": {number: unix.SYS_PROCESS_VM_WRITEV},
	"pidfd_open": {number: unix.SYS_PIDFD_OPEN}, "pidfd_getfd": {number: unix.SYS_PIDFD_GETFD},
	"kill": {number: unix.SYS_KILL}, "tgkill": {number: unix.SYS_TGKILL}, "mount": {number: unix.SYS_MOUNT},
	"umount2": {number: unix.SYS_UMOUNT2}, "move_mount": {number: unix.SYS_MOVE_MOUNT}, "fsopen": {number: unix.SYS_FSOPEN},
	"pivot_root": {number: unix.SYS_PIVOT_ROOT}, "chroot": {number: unix.SYS_CHROOT}, "mknod": {number: unix.SYS_MKNOD},
	"mknodat": {number: unix.SYS_MKNODAT}, "open_by_handle_at": {number: unix.SYS_OPEN_BY_HANDLE_AT},
	"init_module": {number: unix.SYS_INIT_MODULE}, "finit_module": {number: unix.SYS_FINIT_MODULE},
	"kexec_load": {number: unix.SYS_KEXEC_LOAD}, "bpf": {number: unix.SYS_BPF}, "userfaultfd": {number: unix.SYS_USERFAULTFD},
	"perf_event_open": {number: unix.SYS_PERF_EVENT_OPEN}, "keyctl": {number: unix.SYS_KEYCTL}, "add_key": {number: unix.SYS_ADD_KEY},
	"request_key": {number: unix.SYS_REQUEST_KEY}, "shmget": {number: unix.SYS_SHMGET}, "semget": {number: unix.SYS_SEMGET},
	"msgget": {number: unix.SYS_MSGGET}, "mq_open": {number: unix.SYS_MQ_OPEN}, "setuid": {number: unix.SYS_SETUID},
	"prctl": {number: unix.SYS_PRCTL}, "chmod": {number: unix.SYS_CHMOD}, "chown": {number: unix.SYS_CHOWN},
	"mkdir": {number: unix.SYS_MKDIR}, "link": {number: unix.SYS_LINK}, "symlink": {number: unix.SYS_SYMLINK},
	"rename": {number: unix.SYS_RENAME}, "unlink": {number: unix.SYS_UNLINK}, "truncate": {number: unix.SYS_TRUNCATE},
	"bind": {number: unix.SYS_BIND}, "listen": {number: unix.SYS_LISTEN}, "sendmsg": {number: unix.SYS_SENDMSG},
	"io_uring_setup": {number: unix.SYS_IO_URING_SETUP}, "memfd_create": {number: unix.SYS_MEMFD_CREATE},
	"socket of IP":      {number: unix.SYS_SOCKET, first: argument(unix.AF_INET)},
	"socket of netlink": {number: unix.SYS_SOCKET, first: argument(unix.AF_NETLINK)},
	"socket of packets": {number: unix.SYS_SOCKET, first: argument(unix.AF_PACKET)},
	"socket of vsock":   {number: unix.SYS_SOCKET, first: argument(unix.AF_VSOCK)},
	"socket of files":   {number: unix.SYS_SOCKET, first: argument(unix.AF_UNIX)},
}

func argument(value uint64) *uint64 { return &value }

// filtersOf reads the filters of each thread of a process from the kernel. The process stands still for that time.
func filtersOf(pid int) ([]thread, error) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil, err
	}
	// Whoever traces is a thread.
	runtime.LockOSThread()
	var found []thread
	for _, entry := range entries {
		tid, err := strconv.Atoi(entry.Name())
		if err != nil {
			return nil, err
		}
		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/comm", pid, tid))
		if err != nil {
			return nil, err
		}
		programs, err := programsOf(tid)
		if err != nil {
			return nil, fmt.Errorf("the filters of thread %d: %w", tid, err)
		}
		found = append(found, thread{Name: strings.TrimSpace(string(name)), Filters: len(programs), Allowed: allowed(programs)})
	}
	return found, nil
}

func programsOf(tid int) ([][]unix.SockFilter, error) {
	if err := unix.PtraceSeize(tid); err != nil {
		return nil, fmt.Errorf("seizing it: %w", err)
	}
	defer unix.PtraceDetach(tid)
	if err := unix.PtraceInterrupt(tid); err != nil {
		return nil, fmt.Errorf("interrupting it: %w", err)
	}
	if _, err := unix.Wait4(tid, nil, unix.WALL, nil); err != nil {
		return nil, fmt.Errorf("waiting for it: %w", err)
	}
	var programs [][]unix.SockFilter
	for at := uintptr(0); ; at++ {
		count, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SECCOMP_GET_FILTER, uintptr(tid), at, 0, 0, 0)
		if errno == unix.ENOENT {
			return programs, nil
		}
		if errno != 0 {
			return nil, errno
		}
		program := make([]unix.SockFilter, count)
		if _, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SECCOMP_GET_FILTER, uintptr(tid), at, pointer(&program[0]), 0, 0); errno != 0 {
			return nil, errno
		}
		programs = append(programs, program)
	}
}

// allowed lists the calls that every filter may let through, with whatever arguments are not given.
func allowed(programs [][]unix.SockFilter) []string {
	names := []string{}
	for name, one := range dangerous {
		passes := true
		for _, program := range programs {
			passes = passes && mayPass(program, one)
		}
		if passes {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

const (
	offsetNumber, offsetArch, offsetFirst = 0, 4, 16
	archX64                               = 0xc000003e
	actionMask, actionAllow               = 0xffff0000, 0x7fff0000
)

// state of a run of a filter: where it is, and what the accumulator holds, if that is known.
type state struct {
	at    int
	known bool
	value uint32
}

// mayPass follows a filter along every branch that an unknown argument may take.
func mayPass(program []unix.SockFilter, of call) bool {
	seen := map[state]bool{}
	next := []state{{}}
	for len(next) > 0 {
		now := next[len(next)-1]
		next = next[:len(next)-1]
		if seen[now] || now.at >= len(program) {
			continue
		}
		seen[now] = true
		step := program[now.at]
		switch step.Code & 0x07 {
		case unix.BPF_RET:
			if step.K&actionMask == actionAllow {
				return true
			}
		case unix.BPF_LD:
			value, known := load(step.K, of)
			next = append(next, state{now.at + 1, known, value})
		case unix.BPF_JMP:
			next = append(next, jump(now, step)...)
		case unix.BPF_ALU:
			masked := step.Code&0xf0 == unix.BPF_AND && step.Code&unix.BPF_X == 0
			next = append(next, state{now.at + 1, now.known && masked, now.value & step.K})
		default:
			// Of another kind, which compilers of such filters do not use: what it leaves is not known.
			next = append(next, state{now.at + 1, false, 0})
		}
	}
	return false
}

func load(offset uint32, of call) (uint32, bool) {
	switch {
	case offset == offsetNumber:
		return of.number, true
	case offset == offsetArch:
		return archX64, true
	case of.first != nil && offset == offsetFirst:
		return uint32(*of.first), true
	case of.first != nil && offset == offsetFirst+4:
		return uint32(*of.first >> 32), true
	}
	return 0, false
}

func jump(now state, step unix.SockFilter) []state {
	to := func(by int) state { return state{now.at + 1 + by, now.known, now.value} }
	kind := step.Code & 0xf0
	if kind == unix.BPF_JA {
		return []state{to(int(step.K))}
	}
	if !now.known || step.Code&unix.BPF_X != 0 {
		return []state{to(int(step.Jt)), to(int(step.Jf))}
	}
	holds := map[uint16]bool{
		unix.BPF_JEQ: now.value == step.K, unix.BPF_JGT: now.value > step.K,
		unix.BPF_JGE: now.value >= step.K, unix.BPF_JSET: now.value&step.K != 0,
	}[kind]
	if holds {
		return []state{to(int(step.Jt))}
	}
	return []state{to(int(step.Jf))}
}
