package session

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vulcan/native/wire"
)

func TestOutputExitAndUsage(t *testing.T) {
	c := dial(t)
	e := c.run("echo out; echo err >&2; exit 3", nil)
	if e.stdout != "out\n" || e.stderr != "err\n" {
		t.Errorf("stdout %q, stderr %q", e.stdout, e.stderr)
	}
	if e.exit["code"] != 3.0 || e.exit["signal"] != nil || e.exit["oom"] != false || e.exit["disk_full"] != false || e.exit["result"] != "none" {
		t.Errorf("exit %v", e.exit)
	}
	usage := e.exit["usage"].(map[string]any)
	if e.exit["wall_us"].(float64) <= 0 || usage["cpu_us"].(float64) <= 0 || usage["peak_mem_bytes"].(float64) < 1<<16 {
		t.Errorf("usage %v", e.exit)
	}
}

func TestASignalIsNotAnExitCode(t *testing.T) {
	e := dial(t).run("kill -SEGV $$", nil)
	if e.exit["code"] != nil || e.exit["signal"] != "SIGSEGV" {
		t.Errorf("exit %v", e.exit)
	}
}

func TestProgramsRunOneAfterAnother(t *testing.T) {
	c := dial(t)
	for i := range 20 {
		if e := c.run("exit "+strconv.Itoa(i), nil); e.exit["code"] != float64(i) {
			t.Fatalf("exit %v, want %d", e.exit, i)
		}
	}
}

// What the kernel says of the program itself, and not what we believe to have asked for.
func TestTheProgramHasNoPrivileges(t *testing.T) {
	// Descriptors that whoever runs the tests left open are not ours.
	for fd := 3; fd < 1024; fd++ {
		unix.CloseOnExec(fd)
	}
	before, err := os.ReadFile("/proc/self/oom_score_adj")
	check(t, err)
	// As the agent's own differs from a program's; less than 0 needs a capability that a container may lack.
	check(t, os.WriteFile("/proc/self/oom_score_adj", []byte("300"), 0))
	defer os.WriteFile("/proc/self/oom_score_adj", before, 0)
	e := dial(t).run("cat /proc/self/status /proc/self/oom_score_adj; ps -o sid= -p $$; echo $$; ls -l /proc/self/fd >&2; ls -l /proc/self/fd | wc -l; ulimit -c", nil)
	fields := map[string]string{}
	lines := strings.Split(strings.TrimSpace(e.stdout), "\n")
	for _, line := range lines {
		if key, value, ok := strings.Cut(line, ":"); ok {
			fields[key] = strings.Join(strings.Fields(value), " ")
		}
	}
	for key, want := range map[string]string{
		"Uid": "1000 1000 1000 1000", "Gid": "1000 1000 1000 1000", "Groups": "", "NoNewPrivs": "1",
		"CapInh": "0000000000000000", "CapPrm": "0000000000000000", "CapEff": "0000000000000000",
		"CapBnd": "0000000000000000", "CapAmb": "0000000000000000", "SigIgn": "0000000000000000", "SigBlk": "0000000000000000",
	} {
		if fields[key] != want {
			t.Errorf("%s is %q, want %q", key, fields[key], want)
		}
	}
	rest := lines[len(lines)-5:]
	if rest[0] != "0" {
		t.Errorf("oom_score_adj is %s", rest[0])
	}
	if strings.TrimSpace(rest[1]) != rest[2] {
		t.Errorf("session %s, process %s", rest[1], rest[2])
	}
	// Of ls: a line of total, 0, 1, 2 and the folder itself. No connection of ours.
	if rest[3] != "5" {
		t.Errorf("descriptors: %s", e.stderr)
	}
	if now, err := os.ReadFile("/proc/self/oom_score_adj"); err != nil || strings.TrimSpace(string(now)) != "300" {
		t.Errorf("the agent's own oom_score_adj is now %q", now)
	}
}

func TestEnvironment(t *testing.T) {
	c := dial(t)
	e := c.run("env", answer{"env": map[string]string{"K": "v w", "HOME": "/elsewhere", "VULCAN_RESULT": "/mine"}})
	for _, want := range []string{"K=v w", "HOME=/elsewhere", "LANG=C.UTF-8", "USER=vulcan", "TMPDIR=/tmp"} {
		if !strings.Contains("\n"+e.stdout, "\n"+want+"\n") {
			t.Errorf("no %s in %q", want, e.stdout)
		}
	}
	if strings.Contains(e.stdout, "/mine") || strings.Contains(e.stdout, "VULCAN_INPUT") {
		t.Errorf("environment %q", e.stdout)
	}
	c.expectError(c.ask(execRequestOf(c, answer{"env": map[string]string{"A=B": "c"}})), "bad_request")
}

func execRequestOf(c *client, more answer) answer {
	request := answer{"op": "exec", "argv": []string{"true"}, "env": map[string]string{}, "cwd": filepath.Join(c.root, "work")}
	for key, value := range more {
		request[key] = value
	}
	return request
}

func TestProgramsThatCannotStart(t *testing.T) {
	c := dial(t)
	work := filepath.Join(c.root, "work")
	check(t, os.WriteFile(filepath.Join(work, "text"), []byte("just text"), 0o755))
	check(t, os.WriteFile(filepath.Join(work, "orphan"), []byte("#!/not/there\n"), 0o755))
	check(t, os.WriteFile(filepath.Join(work, "plain"), []byte("#!/bin/sh\n"), 0o644))
	check(t, os.WriteFile(filepath.Join(work, "private"), []byte("#!/bin/sh\n"), 0o700))
	for name, r := range map[string]struct {
		more  answer
		code  string
		words string
	}{
		"not in PATH":        {answer{"argv": []string{"no-such-program"}}, "exec_failed", "not found in"},
		"not there":          {answer{"argv": []string{"./missing"}}, "exec_failed", "no such file"},
		"a directory":        {answer{"argv": []string{"/tmp"}}, "exec_failed", "it is no file"},
		"not executable":     {answer{"argv": []string{"./plain"}}, "exec_failed", "not executable"},
		"text":               {answer{"argv": []string{"./text"}}, "exec_failed", "neither a program"},
		"without its shell":  {answer{"argv": []string{"./orphan"}}, "exec_failed", "interpreter is not there"},
		"somebody else's":    {answer{"argv": []string{"./private"}}, "exec_failed", "may not run it"},
		"no cwd":             {answer{"cwd": "/not/there"}, "exec_failed", "working directory"},
		"a relative cwd":     {answer{"cwd": "work"}, "bad_request", "absolute"},
		"nothing":            {answer{"argv": []string{}}, "bad_request", "no program"},
		"an empty name":      {answer{"argv": []string{""}}, "bad_request", "no program"},
		"a negative limit":   {answer{"memory_bytes": -1}, "bad_request", "negative"},
		"a quota of nothing": {answer{"cpu_quota_us": 5}, "bad_request", "period"},
		"an unknown field":   {answer{"argvv": 1}, "bad_request", "argvv"},
		"a wrong type":       {answer{"argv": "true"}, "bad_request", "Argv"},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.ask(execRequestOf(c, r.more))
			c.expectError(got, r.code)
			if !strings.Contains(got["message"].(string), r.words) {
				t.Errorf("the message %q says nothing of %q", got["message"], r.words)
			}
		})
	}
	if e := c.run("echo still here", nil); e.stdout != "still here\n" {
		t.Errorf("after them all: %v", e)
	}
}

func TestInputAndResult(t *testing.T) {
	c := dial(t)
	more := answer{"input": `{"n":1}`}
	e := c.run(`cat; echo; cat $VULCAN_INPUT; printf '{"ok":true}' > $VULCAN_RESULT`, more)
	if e.stdout != "{\"n\":1}\n{\"n\":1}" || e.result != `{"ok":true}` || e.exit["result"] != "sent" || !e.ends[wire.Result] {
		t.Errorf("%v", e)
	}
	// Standard input that is sent wins; the file is there all the same.
	c.exec(`cat; cat $VULCAN_INPUT`, answer{"input": "7", "stdin": true})
	check(t, c.out.Data(wire.Stdin, []byte("sent ")))
	check(t, c.out.End(wire.Stdin))
	if e := c.follow(); e.stdout != "sent 7" || e.exit["result"] != "none" {
		t.Errorf("%v", e)
	}
}

func TestResultsThatAreNoFile(t *testing.T) {
	c := dial(t)
	for script, want := range map[string]string{
		`head -c 1048577 /dev/zero > $VULCAN_RESULT`: "too_large",
		`head -c 1048576 /dev/zero > $VULCAN_RESULT`: "sent",
		`ln -s /etc/passwd $VULCAN_RESULT`:           "unreadable",
		`mkfifo $VULCAN_RESULT`:                      "unreadable",
		`mkdir $VULCAN_RESULT`:                       "unreadable",
		`: > $VULCAN_RESULT`:                         "none",
		`rm -rf ${VULCAN_RESULT%/*}`:                 "none",
	} {
		e := c.run(script, nil)
		if e.exit["result"] != want || (want == "sent") != (len(e.result) == 1<<20) || (want == "sent") != e.ends[wire.Result] {
			t.Errorf("%s: %v with %d bytes", script, e.exit, len(e.result))
		}
	}
}
