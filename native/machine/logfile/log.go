// Package logfile keeps what a process says in a file that is bounded, and the last of it in memory.
package logfile

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
)

// Log is a file that is bounded: when it is full it becomes path.1, and a new one begins.
type Log struct {
	path  string
	limit int64

	mu   sync.Mutex
	file *os.File
	size int64
	tail []byte
}

// tailBytes are kept in memory to be told when the writer ends.
const tailBytes = 8 << 10

// New makes a log at that path; limit is in bytes, of each of the two files. Nothing is opened before there is something to write.
func New(path string, limit int64) *Log {
	return &Log{path: path, limit: limit}
}

// Copy appends what a pipe gives until its end.
func (l *Log) Copy(from io.ReadCloser) {
	defer from.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			l.Write(buffer[:n])
		}
		if err != nil {
			return
		}
	}
}

// Write never fails: a full disk must not stop the server, whose last words are then still in memory.
func (l *Log) Write(data []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail = append(l.tail, data...)
	l.tail = l.tail[max(0, len(l.tail)-tailBytes):]
	if l.file == nil || l.size+int64(len(data)) > l.limit {
		if err := l.rotate(); err != nil {
			fmt.Fprintln(os.Stderr, "vulcan-machine: log:", err)
			return
		}
	}
	n, err := l.file.Write(data)
	l.size += int64(n)
	if err != nil {
		fmt.Fprintln(os.Stderr, "vulcan-machine: log:", err)
	}
}

// Rotate begins a new file; what there is becomes path.1.
func (l *Log) Rotate() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.open(); err != nil || l.size == 0 {
		return err
	}
	return l.rotate()
}

func (l *Log) rotate() error {
	if l.file != nil {
		l.file.Close()
		l.file = nil
		if err := os.Rename(l.path, l.path+".1"); err != nil {
			return err
		}
	}
	return l.open()
}

func (l *Log) open() error {
	if l.file != nil {
		return nil
	}
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return err
	}
	l.file, l.size = file, info.Size()
	return nil
}

// Last gives the newest lines.
func (l *Log) Last(count int) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := bytes.TrimRight(l.tail, "\n")
	if len(text) == 0 {
		return []string{}
	}
	lines := bytes.Split(text, []byte("\n"))
	lines = lines[max(0, len(lines)-count):]
	texts := make([]string, len(lines))
	for i, line := range lines {
		texts[i] = string(line)
	}
	return texts
}
