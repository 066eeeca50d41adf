package keeper

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestAStallIsFoundHoweverTheConsoleIsCut(t *testing.T) {
	for said, stalls := range map[string]bool{
		"[22.6] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\n": true,
		"Run /init as init process\n":                                    false,
	} {
		for cut, read := range map[string]io.Reader{"whole": strings.NewReader(said), "in bytes": iotest.OneByteReader(strings.NewReader(said))} {
			if told := tellsOfStall(t, said, read); told != stalls {
				t.Errorf("%q, %s: a stall is told: %v", said, cut, told)
			}
		}
	}
}

func tellsOfStall(t *testing.T, said string, console io.Reader) bool {
	t.Helper()
	told := make(chan struct{}, 1)
	read, err := io.ReadAll(&stalls{ReadCloser: io.NopCloser(console), told: told})
	if err != nil || string(read) != said {
		t.Errorf("%q was read of %q: %v", read, said, err)
	}
	return len(told) == 1
}
