package main

import (
	"testing"

	"golang.org/x/sys/unix"
)

const loadWord = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS

func step(code uint16, k uint32, jt, jf uint8) unix.SockFilter {
	return unix.SockFilter{Code: code, Jt: jt, Jf: jf, K: k}
}

// As Firecracker's are made: the architecture, the number, then what the call's arguments have to be; all else is refused.
var onlySocketsOfFiles = []unix.SockFilter{
	step(loadWord, offsetArch, 0, 0),
	step(unix.BPF_JMP|unix.BPF_JEQ, archX64, 1, 0),
	step(unix.BPF_RET, 0x80000000, 0, 0),
	step(loadWord, offsetNumber, 0, 0),
	step(unix.BPF_JMP|unix.BPF_JEQ, unix.SYS_UNLINK, 4, 0),
	step(unix.BPF_JMP|unix.BPF_JEQ, unix.SYS_SOCKET, 0, 2),
	step(loadWord, offsetFirst, 0, 0),
	step(unix.BPF_JMP|unix.BPF_JEQ, unix.AF_UNIX, 1, 0),
	step(unix.BPF_RET, 0x00030000, 0, 0),
	step(unix.BPF_RET, actionAllow, 0, 0),
}

func TestAFilterIsFollowedAlongEveryBranch(t *testing.T) {
	for name, want := range map[string]bool{
		"socket of files": true, "unlink": true, "socket of IP": false, "socket of vsock": false, "execve": false, "clone": false,
	} {
		if got := mayPass(onlySocketsOfFiles, dangerous[name]); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	// Whatever its family is, some socket passes.
	if !mayPass(onlySocketsOfFiles, call{number: unix.SYS_SOCKET}) {
		t.Error("socket of an unknown family")
	}
}

func TestEveryFilterHasToLetACallThrough(t *testing.T) {
	refusing := []unix.SockFilter{step(unix.BPF_RET, 0x80000000, 0, 0)}
	if got := allowed([][]unix.SockFilter{onlySocketsOfFiles, refusing}); len(got) > 0 {
		t.Errorf("%v", got)
	}
	if got := allowed([][]unix.SockFilter{onlySocketsOfFiles}); len(got) != 2 {
		t.Errorf("%v", got)
	}
	if got := allowed(nil); len(got) != len(dangerous) {
		t.Errorf("without a filter %d of %d calls pass", len(got), len(dangerous))
	}
}
