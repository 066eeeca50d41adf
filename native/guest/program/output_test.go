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
	mu     sync.Mutex
	all    strings.Builder
	frames int
	came   chan struct{}
}

func (t *tape) Data(_ uint32, data []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all.Write(data)
	t.frames++
	select {
	case t.came <- struct{}{}:
	default:
	}
	return nil
}

func (t *tape) End(stream uint32) error {
	return t.Data(stream, []byte{'|'})
}

// carried gives a program's ends of its two streams, begins to carry them where told to, and waits for all that was
// written there.
func carried(t *testing.T) (stdout, stderr *os.File, said *tape, begin func(), wait func() string) {
	t.Helper()
	said = &tape{came: make(chan struct{}, 1)}
	var both outputs
	theirs, err := both.open(&Host{}, func(func() error) {})
	if err != nil {
		t.Fatal(err)
	}
	var carrying sync.WaitGroup
	begin = func() { carrying.Go(func() { both.carry(said) }) }
	return theirs[0], theirs[1], said, begin, func() string {
		for _, end := range theirs {
			end.Close()
		}
		carrying.Wait()
		return said.all.String()
	}
}

func write(t *testing.T, to *os.File, text string) {
	t.Helper()
	if _, err := to.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// What is printed while output rests is before the traceback that follows it.
func TestATracebackDoesNotOvertakeWhatWasPrinted(t *testing.T) {
	for range 50 {
		stdout, stderr, said, begin, wait := carried(t)
		begin()
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
func TestWhatWasWrittenFirstComesFirstOnWhicheverStream(t *testing.T) {
	for range 50 {
		stdout, stderr, _, begin, wait := carried(t)
		write(t, stdout, "step 1\nstep 2\n")
		write(t, stderr, "Traceback\n")
		begin()
		if all := wait(); !strings.HasPrefix(all, "step 1\nstep 2\nTraceback\n") {
			t.Fatalf("it came as %q", all)
		}
		stdout, stderr, _, begin, wait = carried(t)
		write(t, stderr, "warning\n")
		write(t, stdout, "result\n")
		begin()
		if all := wait(); !strings.HasPrefix(all, "warning\nresult\n") {
			t.Fatalf("it came as %q", all)
		}
	}
}

func TestWhatIsLargerThanAFrameComesWhole(t *testing.T) {
	stdout, stderr, said, begin, wait := carried(t)
	begin()
	large := strings.Repeat("0123456789abcdef", 3*pipeBytes/16)
	write(t, stdout, large+"o")
	write(t, stderr, large+"e")
	all := wait()
	if len(all) != 2*len(large)+4 || strings.Count(all, "o") != 1 || strings.Count(all, "e") != 1+strings.Count(large+large, "e") {
		t.Errorf("%d bytes of %d came", len(all), 2*len(large)+4)
	}
	if said.frames > 4*2*3 {
		t.Errorf("in %d frames", said.frames)
	}
}

func TestOutputInSmallPiecesOnBothStreamsComesWholeAndInFewFrames(t *testing.T) {
	stdout, stderr, said, begin, wait := carried(t)
	begin()
	const lines = 5000
	began := time.Now()
	for range lines {
		write(t, stdout, "o\n")
		write(t, stderr, "e\n")
	}
	all := wait()
	took := time.Since(began)
	if o, e := strings.Count(all, "o\n"), strings.Count(all, "e\n"); o != lines || e != lines {
		t.Errorf("%d and %d lines of %d each", o, e, lines)
	}
	// One of each stream, then a rest; the last go at once.
	if most := 2*int(took/gather) + 6; said.frames > most {
		t.Errorf("%d frames within %v", said.frames, took)
	}
}

// Somebody who outlived the program holds its output.
func TestSilentPipesEndOnceTheProgramHas(t *testing.T) {
	said := &tape{came: make(chan struct{}, 1)}
	var both outputs
	theirs, err := both.open(&Host{}, func(func() error) {})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); both.carry(said) }()
	write(t, theirs[0], "o")
	<-said.came
	both.drain()
	<-ended
	if all := said.all.String(); all != "o||" {
		t.Errorf("it came as %q", all)
	}
	theirs[0].Close()
	theirs[1].Close()
}
