package inside

import (
	"fmt"
	"testing"
)

func pendingNames(e *events) (names []string) {
	for _, m := range e.pending {
		names = append(names, fmt.Sprint(m["event"]))
	}
	return names
}

func TestALaterHostIsToldTheStateAndNotOldNews(t *testing.T) {
	e := newEvents(nil)
	e.state("up", message{"event": "up"})
	e.state("server", message{"event": "server_ready"})
	e.send(message{"event": "pong"})
	e.greet()
	if got := fmt.Sprint(pendingNames(e)); got != "[up server_ready]" {
		t.Errorf("told %s", got)
	}
	e.state("server", nil)
	e.greet()
	if got := fmt.Sprint(pendingNames(e)); got != "[up]" {
		t.Errorf("without a server: told %s", got)
	}
}

func TestWhatNobodyTakesIsBounded(t *testing.T) {
	e := newEvents(nil)
	for i := range 2 * pendingLimit {
		e.send(message{"event": fmt.Sprint(i)})
	}
	names := pendingNames(e)
	if len(names) != pendingLimit || names[len(names)-1] != fmt.Sprint(2*pendingLimit-1) {
		t.Errorf("%d are kept, the last %s", len(names), names[len(names)-1])
	}
}
