package keeper

import "time"

// watch knows how long the machine has been silent.
type watch struct {
	boot  *time.Timer
	pings *time.Ticker
	limit time.Duration
	last  time.Time
}

func newWatch(spec Spec) *watch {
	return &watch{
		boot: time.NewTimer(ms(spec.BootTimeoutMs)), pings: time.NewTicker(ms(spec.PingEveryMs)),
		limit: ms(spec.PingTimeoutMs), last: time.Now(),
	}
}

func (w *watch) heard() { w.last = time.Now() }

func (w *watch) silent() bool { return time.Since(w.last) > w.limit }

func (w *watch) stop() {
	w.boot.Stop()
	w.pings.Stop()
}
