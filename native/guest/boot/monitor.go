package boot

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// monitorSlack is how much later than it asks to the runtime's monitor may be woken: about as seldom as it looks when
// there is nothing to see.
const monitorSlack = 10 * time.Millisecond

// calmMonitor keeps the runtime's monitor (sysmon) from taking the processor for itself. Each time the agent is woken,
// the monitor looks every 20 µs, for a while, whether a system call blocks a thread that others need. Each look is a
// timer interrupt, for which a vm leaves the guest several times; and few calls of the agent block: what waits behind
// one of them (for the last processes of a cgroup to go, say) now does so for 20 ms.
func calmMonitor() error {
	monitor, err := monitorThread()
	if err != nil {
		return err
	}
	return write(fmt.Sprintf("/proc/%d/timerslack_ns", monitor), strconv.FormatInt(monitorSlack.Nanoseconds(), 10))
}

// monitorThread is the first thread that the runtime started.
func monitorThread() (int, error) {
	threads, err := os.ReadDir("/proc/self/task")
	first := 0
	for _, thread := range threads {
		tid, err := strconv.Atoi(thread.Name())
		if err == nil && tid != os.Getpid() && (first == 0 || tid < first) {
			first = tid
		}
	}
	if err == nil && first == 0 {
		err = errors.New("the runtime has started no thread")
	}
	return first, err
}
