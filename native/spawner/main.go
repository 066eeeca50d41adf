// Command vulcan-spawner runs commands for a process that is too large to do so itself: a fork stops a process for as long as
// its memory takes to be shared. It reads requests from its standard input, one JSON document a line, and writes an answer for
// each to its standard output when the command has ended. At the end of its input it waits for what runs, and ends.
//
// Commands of its own name it does itself, without a process; called with such a command it does that one alone:
//
//	vulcan-spawner bind FROM TO [FROM TO]...   make files seen elsewhere, read-only
//	vulcan-spawner unmount PATH...
//	vulcan-spawner copy FROM TO UID GID        a new file for that user alone, sparse as it was
//	vulcan-spawner netns add|delete NAME       a network namespace, as `ip netns` keeps them
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// request asks for a command to be run, or for one that runs to be killed.
type request struct {
	// ID is the caller's, and comes back with the answer.
	ID   int      `json:"id"`
	Kill bool     `json:"kill"`
	Argv []string `json:"argv"`
	// Env is the whole environment, as K=V; absent, it is ours.
	Env   []string `json:"env"`
	Input string   `json:"input"`
	// Words is a file at whose end goes what the command says; absent, it comes with the answer.
	Words string `json:"words"`
}

// answer tells how a command ended: by a code, by a signal, or not at all since it could not be started.
type answer struct {
	ID     int    `json:"id"`
	Code   *int   `json:"code,omitempty"`
	Signal int    `json:"signal,omitempty"`
	Stdout string `json:"stdout"`
	Stderr string `json:"stderr"`
	// Cut says that stdout was longer, and is its end.
	Cut     bool     `json:"cut,omitempty"`
	Failure *failure `json:"failure,omitempty"`
}

// failure is why a command could not be started.
type failure struct {
	// Code is the error's name, such as ENOENT; empty where the system has no name for it.
	Code    string `json:"code"`
	Message string `json:"message"`
}

func main() {
	if len(os.Args) > 1 {
		if err := own(os.Args[1:], nil); err != nil {
			fmt.Fprintf(os.Stderr, "%v\n", err)
			os.Exit(1)
		}
		return
	}
	// Those of a terminal or of who ends our caller, and of an answer that nobody reads any more: what runs ends first. Caught,
	// not ignored, as commands would inherit that.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "vulcan-spawner: %v\n", err)
		os.Exit(1)
	}
}

// serve answers requests until their end, and returns once the last command has ended.
func serve(requests io.Reader, answers io.Writer) error {
	var (
		mu      sync.Mutex
		running = make(map[int]*command)
		all     sync.WaitGroup
	)
	out := json.NewEncoder(answers)
	out.SetEscapeHTML(false)
	defer all.Wait()
	lines := bufio.NewReader(requests)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading a request: %w", err)
		}
		var asked request
		if err := json.Unmarshal(line, &asked); err != nil {
			return fmt.Errorf("reading a request: %w", err)
		}
		if asked.Kill {
			mu.Lock()
			if it := running[asked.ID]; it != nil {
				it.kill()
			}
			mu.Unlock()
			continue
		}
		it := newCommand(asked)
		mu.Lock()
		running[asked.ID] = it
		mu.Unlock()
		all.Go(func() {
			ended := it.run()
			mu.Lock()
			defer mu.Unlock()
			delete(running, asked.ID)
			// Who asked is gone where this fails, and our input is at its end.
			_ = out.Encode(ended)
		})
	}
}
