package keeper

import "testing"

func TestAStallIsFoundHoweverTheConsoleIsCut(t *testing.T) {
	for _, parts := range [][]string{
		{"[22.6] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\n"},
		{"rcu: rcu_preempt detected sta", "lls on CP", "Us/tasks:"},
	} {
		told := make(chan struct{}, 1)
		s := &stalls{told: told}
		for _, part := range parts {
			s.Write([]byte(part))
		}
		if len(told) != 1 {
			t.Errorf("%q tells of no stall", parts)
		}
	}
	told := make(chan struct{}, 1)
	(&stalls{told: told}).Write([]byte("Run /init as init process\n"))
	if len(told) != 0 {
		t.Error("a boot was taken for a stall")
	}
}
