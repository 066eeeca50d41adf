package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// spawner is one that runs in this process, as its caller sees it.
type spawner struct {
	t        *testing.T
	requests *io.PipeWriter
	answers  *bufio.Reader
	ended    chan error
}

func begin(t *testing.T) *spawner {
	in, requests := io.Pipe()
	answers, out := io.Pipe()
	s := &spawner{t: t, requests: requests, answers: bufio.NewReader(answers), ended: make(chan error, 1)}
	go func() {
		s.ended <- serve(in, out)
		out.Close()
	}()
	t.Cleanup(func() {
		requests.Close()
		go io.Copy(io.Discard, answers)
		if err := <-s.ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *spawner) ask(asked request) {
	s.t.Helper()
	text, err := json.Marshal(asked)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.requests.Write(append(text, '\n')); err != nil {
		s.t.Fatal(err)
	}
}

func (s *spawner) answer() answer {
	s.t.Helper()
	line, err := s.answers.ReadBytes('\n')
	if err != nil {
		s.t.Fatal(err)
	}
	var got answer
	if err := json.Unmarshal(line, &got); err != nil {
		s.t.Fatal(err)
	}
	return got
}

func (s *spawner) run(asked request) answer {
	s.t.Helper()
	s.ask(asked)
	return s.answer()
}

func sh(script string) []string { return []string{"sh", "-c", script} }

func TestWhatACommandSaysAndItsCodeComeBack(t *testing.T) {
	got := begin(t).run(request{ID: 7, Argv: sh("cat; echo words >&2; exit 3"), Input: "hello"})
	if got.ID != 7 || got.Code == nil || *got.Code != 3 || got.Stdout != "hello" || got.Stderr != "words\n" {
		t.Errorf("got %+v", got)
	}
}

func TestACommandHasTheEnvironmentItIsGiven(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "only-here"), []byte("#!/bin/sh\necho $A"), 0o700); err != nil {
		t.Fatal(err)
	}
	got := begin(t).run(request{Argv: []string{"only-here"}, Env: []string{"A=1", "PATH=" + folder}})
	if got.Stdout != "1\n" {
		t.Errorf("got %+v", got)
	}
}

func TestACommandThatCannotBeStartedSaysWhy(t *testing.T) {
	s := begin(t)
	busy := filepath.Join(t.TempDir(), "busy")
	file, err := os.OpenFile(busy, os.O_CREATE|os.O_WRONLY, 0o700)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for name, code := range map[string]string{"/no/such": "ENOENT", "no-such": "ENOENT", busy: "ETXTBSY", t.TempDir(): "EACCES"} {
		if got := s.run(request{Argv: []string{name}}); got.Failure == nil || got.Failure.Code != code {
			t.Errorf("%s: got %+v, want %s", name, got.Failure, code)
		}
	}
}

func TestAKillEndsTheWholeGroupAndNoOther(t *testing.T) {
	s := begin(t)
	words := filepath.Join(t.TempDir(), "words")
	s.ask(request{ID: 1, Argv: sh("sleep 86400 & echo $!; wait"), Words: words})
	child := 0
	for child == 0 {
		text, _ := os.ReadFile(words)
		child, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		time.Sleep(time.Millisecond)
	}
	s.ask(request{ID: 2, Argv: sh("read line; echo lives"), Input: "go\n"})
	if got := s.answer(); got.ID != 2 || got.Stdout != "lives\n" {
		t.Errorf("got %+v", got)
	}
	s.ask(request{ID: 1, Kill: true})
	if got := s.answer(); got.ID != 1 || got.Signal != int(syscall.SIGKILL) {
		t.Errorf("got %+v", got)
	}
	for !gone(t, child) {
		time.Sleep(time.Millisecond)
	}
}

// gone tells whether a process has ended; of one that nobody has waited for its entry is left.
func gone(t *testing.T, pid int) bool {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func TestWhoLeftTheGroupAndHoldsThePipesDoesNotOutlastAKill(t *testing.T) {
	s := begin(t)
	begun := filepath.Join(t.TempDir(), "begun")
	s.ask(request{ID: 1, Argv: sh("setsid sleep 86400 & echo $!; touch " + begun + "; wait")})
	for !exists(begun) {
		time.Sleep(time.Millisecond)
	}
	s.ask(request{ID: 1, Kill: true})
	got := s.answer()
	pid, err := strconv.Atoi(strings.TrimSpace(got.Stdout))
	if err != nil || got.Signal != int(syscall.SIGKILL) {
		t.Fatalf("got %+v", got)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Errorf("it did not hold the pipe: %v", err)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func TestWordsGoToTheEndOfTheirFile(t *testing.T) {
	words := filepath.Join(t.TempDir(), "words")
	if err := os.WriteFile(words, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := begin(t).run(request{Argv: sh("echo out; echo err >&2"), Words: words})
	text, _ := os.ReadFile(words)
	if got.Stdout != "" || string(text) != "before\nout\nerr\n" {
		t.Errorf("got %+v, %q", got, text)
	}
}

func TestOfAFloodTheEndIsKept(t *testing.T) {
	flood := func(bytes int, where string) answer {
		return begin(t).run(request{Argv: sh(fmt.Sprintf("{ head -c %d /dev/zero | tr '\\0' x; echo end; } %s", bytes, where))})
	}
	list := flood(20_000_000, "")
	if len(list.Stdout) != 20_000_004 || list.Cut {
		t.Errorf("of a long list came %d bytes, cut: %v", len(list.Stdout), list.Cut)
	}
	cut := flood(stdoutKept, "")
	for _, got := range []struct {
		text string
		kept int
	}{{flood(20_000_000, ">&2").Stderr, stderrKept}, {cut.Stdout, stdoutKept}} {
		if len(got.text) != got.kept || !strings.HasSuffix(got.text, "xend\n") {
			t.Errorf("got %d bytes, the last %q", len(got.text), got.text[max(0, len(got.text)-9):])
		}
	}
	if !cut.Cut {
		t.Error("nothing says that there was more")
	}
}

func TestAtTheEndOfItsInputItWaitsForWhatRuns(t *testing.T) {
	s := begin(t)
	file := filepath.Join(t.TempDir(), "made")
	s.ask(request{Argv: sh("sleep 0.2; echo it > " + file)})
	s.requests.Close()
	s.answer()
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
	s.ended <- nil
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

func TestNonsenseEndsItByName(t *testing.T) {
	if err := serve(strings.NewReader("nonsense\n"), io.Discard); err == nil || !strings.Contains(err.Error(), "reading a request") {
		t.Errorf("got %v", err)
	}
}
