package kept

import "vulcan/native/wire"

const (
	// windowBytes is how much output may be retained; what comes then waits, and the program with it.
	windowBytes = 1 << 20
	// frameBytes is the most that is sent at once.
	frameBytes = 256 << 10
)

// mark says whose the next n bytes of a tape are.
type mark struct{ stream, n int32 }

// count is bytes of each stream, stdout first.
type count [2]int64

func indexOf(stream uint32) int { return int(stream - wire.Stdout) }

// tape holds the output of a run in the order it came, until it is acknowledged. What was sent stays: a connection that
// breaks says nothing of what arrived. It has no lock of its own.
type tape struct {
	data  []byte
	marks []mark
	// Of marks and data, those at the front that were sent to who listens now.
	sentMarks, sentBytes int
	// forgotten is what was acknowledged and is gone; written all there ever was.
	forgotten, written count
}

func (t *tape) room() int { return windowBytes - len(t.data) }

// add takes a copy of the bytes, at most a frame. Those of one stream that wait become one frame.
func (t *tape) add(stream uint32, data []byte) {
	index := indexOf(stream)
	t.data = append(t.data, data...)
	t.written[index] += int64(len(data))
	if last := len(t.marks) - 1; last >= t.sentMarks {
		if m := &t.marks[last]; int(m.stream) == index && int(m.n)+len(data) <= frameBytes {
			m.n += int32(len(data))
			return
		}
	}
	t.marks = append(t.marks, mark{stream: int32(index), n: int32(len(data))})
}

// next copies the next frame into the buffer, which is of frameBytes, and counts it as sent; nil when there is none.
func (t *tape) next(buffer []byte) (stream uint32, data []byte) {
	if t.sentMarks == len(t.marks) {
		return 0, nil
	}
	m := t.marks[t.sentMarks]
	data = buffer[:copy(buffer, t.data[t.sentBytes:t.sentBytes+int(m.n)])]
	t.sentMarks++
	t.sentBytes += int(m.n)
	return wire.Stdout + uint32(m.stream), data
}

// acknowledge forgets the bytes of each stream before those, as far as they were sent. One stream may be acknowledged far
// behind the other: what is kept moves together.
func (t *tape) acknowledge(upTo count) {
	if upTo[0] <= t.forgotten[0] && upTo[1] <= t.forgotten[1] {
		return
	}
	at, from, to := t.forgotten, 0, 0
	kept, sentMarks, sentBytes := t.marks[:0], 0, 0
	for i, m := range t.marks {
		drop := int32(0)
		if i < t.sentMarks {
			drop = int32(min(max(upTo[m.stream]-at[m.stream], 0), int64(m.n)))
		}
		at[m.stream] += int64(m.n)
		t.forgotten[m.stream] += int64(drop)
		rest := copy(t.data[to:], t.data[from+int(drop):from+int(m.n)])
		from += int(m.n)
		to += rest
		if rest > 0 {
			kept = append(kept, mark{m.stream, int32(rest)})
		}
		if i < t.sentMarks {
			sentMarks, sentBytes = len(kept), to
		}
	}
	t.marks, t.data, t.sentMarks, t.sentBytes = kept, t.data[:to], sentMarks, sentBytes
}

// sendAgain begins for somebody who has seen that much: the rest is as never sent. False where that rest is not here.
func (t *tape) sendAgain(seen count) bool {
	for i := range seen {
		if seen[i] < t.forgotten[i] || seen[i] > t.written[i] {
			return false
		}
	}
	t.sentMarks, t.sentBytes = len(t.marks), len(t.data)
	t.acknowledge(seen)
	t.sentMarks, t.sentBytes = 0, 0
	return true
}

// forgetSent is for who need not be sent anything again.
func (t *tape) forgetSent() { t.acknowledge(t.written) }
