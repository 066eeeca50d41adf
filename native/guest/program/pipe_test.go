package program

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// tape notes what it is sent, in order.
type tape struct {
	mu   sync.Mutex
	all  strings.Builder
	came chan struct{}
}

func (t *tape) Data(_ uint32, data []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all.Write(data)
	select {
	case t.came <- struct{}{}:
	default:
	}
	return nil
}

func (t *tape) End(stream uint32) error {
	return t.Data(stream, []byte{'|'})
}

// pumped gives a program's ends of its two streams, which hold some text before anything is read, and waits for all that
// was written there.
func pumped(t *testing.T, printed, complained string) (stdout, stderr *os.File, said *tape, wait func() string) {
	t.Helper()
	said = &tape{came: make(chan struct{}, 1)}
	var ours, theirs [2]*os.File
	for i := range ours {
		var err error
		if ours[i], theirs[i], err = newPipe(&Host{}, 0); err != nil {
			t.Fatal(err)
		}
	}
	write(t, theirs[0], printed)
	write(t, theirs[1], complained)
	both := newOutputs(ours[0], ours[1])
	var pumps sync.WaitGroup
	pumps.Go(func() { both.stdout.pump(said) })
	pumps.Go(func() { both.stderr.pump(said) })
	return theirs[0], theirs[1], said, func() string {
		for _, end := range theirs {
			end.Close()
		}
		pumps.Wait()
		return said.all.String()
	}
}

func write(t *testing.T, to *os.File, text string) {
	t.Helper()
	if _, err := to.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// What is printed while stdout rests is before the traceback that follows it.
func TestATracebackDoesNotOvertakeWhatWasPrinted(t *testing.T) {
	for range 50 {
		stdout, stderr, said, wait := pumped(t, "", "")
		write(t, stdout, "step 1")
		<-said.came
		write(t, stdout, "\nstep 2\n")
		write(t, stderr, "Traceback\n")
		if all := wait(); !strings.HasPrefix(all, "step 1\nstep 2\nTraceback\n") {
			t.Fatalf("it came as %q", all)
		}
	}
}

// A short program has written to both streams before either is read.
func TestATracebackDoesNotOvertakeWhatWasPrintedBeforeAnythingWasRead(t *testing.T) {
	for range 50 {
		_, _, _, wait := pumped(t, "step 1\nstep 2\n", "Traceback\n")
		if all := wait(); !strings.HasPrefix(all, "step 1\nstep 2\nTraceback\n") {
			t.Fatalf("it came as %q", all)
		}
	}
}

func TestOutputInSmallPiecesOnBothStreamsComesWholeAndInFewFrames(t *testing.T) {
	stdout, stderr, said, wait := pumped(t, "", "")
	const lines = 5000
	frames := 0
	counted := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(counted)
		for {
			select {
			case <-said.came:
				frames++
			case <-done:
				return
			}
		}
	}()
	began := time.Now()
	for range lines {
		write(t, stdout, "o\n")
		write(t, stderr, "e\n")
	}
	took := time.Since(began)
	all := wait()
	close(done)
	<-counted
	if o, e := strings.Count(all, "o\n"), strings.Count(all, "e\n"); o != lines || e != lines {
		t.Errorf("%d and %d lines of %d each", o, e, lines)
	}
	// Two streams rest after each frame, and each may bring along what the other holds.
	if most := 4*int(took/gather) + 20; frames > most {
		t.Errorf("%d frames within %v", frames, took)
	}
}

func TestAfterItsEndNothingComesOnAStream(t *testing.T) {
	for range 20 {
		stdout, stderr, said, wait := pumped(t, "", "")
		write(t, stdout, "o")
		<-said.came
		stdout.Close()
		write(t, stderr, "e")
		all := wait()
		if strings.Count(all, "o") != 1 || strings.Count(all, "e") != 1 || strings.Count(all, "|") != 2 || !strings.HasSuffix(all, "|") {
			t.Fatalf("it came as %q", all)
		}
	}
}
