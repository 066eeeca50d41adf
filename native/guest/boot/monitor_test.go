package boot

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestTheMonitorIsTheThreadThatSleepsForMoments(t *testing.T) {
	monitor, err := monitorThread()
	if err != nil {
		t.Fatal(err)
	}
	if err := calmMonitor(); err != nil {
		t.Fatal(err)
	}
	if slack := strings.TrimSpace(read(t, monitor, "timerslack_ns")); slack != fmt.Sprint(monitorSlack.Nanoseconds()) {
		t.Errorf("its timers may be %s ns late", slack)
	}
	// To ask is to be busy, while which it sleeps from one look to the next. No other thread does.
	napping := fmt.Sprintf("%d ", unix.SYS_NANOSLEEP)
	for end := time.Now().Add(10 * time.Second); !strings.HasPrefix(read(t, monitor, "syscall"), napping); {
		if time.Now().After(end) {
			t.Fatalf("thread %d never slept for a moment", monitor)
		}
	}
}

func read(t *testing.T, tid int, name string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", tid, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
