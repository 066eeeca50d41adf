package session

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// conformance holds programs that print what they find of their process. Each is run by a new interpreter and by one that
// waited: nothing may differ.
const conformance = "../../../test/conformance"

// atRandom are addresses and process ids, which no two processes have in common.
var atRandom = regexp.MustCompile(`0x[0-9a-f]{8,}|\(node:\d+\)`)

// conformanceCase is a file, or a folder with a main file. Its first line may say, in a comment and as JSON, what it gets.
type conformanceCase struct {
	path  string
	Stdin *string
	Input *string
	Env   map[string]string
	// Fresh says that a new interpreter is needed, although one waits.
	Fresh bool
}

// interpreter is a runtime of this host, told where to find what makes it wait.
type interpreter struct {
	command, main string
	env, wait     map[string]string
}

func TestProgramsCannotTellAPythonThatWaitedFromANewOne(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 on this host")
	}
	// Of its own, since what other packages load at the start is seen by programs.
	place := t.TempDir()
	out, err := exec.Command(python, "-m", "venv", "--without-pip", place).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	folders, err := filepath.Glob(filepath.Join(place, "lib/python3.*/site-packages"))
	check(t, err)
	if len(folders) != 1 {
		t.Fatalf("packages may be in %v", folders)
	}
	env := map[string]string{
		"PATH": filepath.Join(place, "bin") + ":" + os.Getenv("PATH"), "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1",
	}
	line, err := os.ReadFile("../../../images/python-wait.pth")
	check(t, err)
	line = bytes.Replace(line, []byte("/usr/local/lib/vulcan/python-wait.py"), []byte(inImages(t, "python-wait.py")), 1)
	check(t, os.WriteFile(filepath.Join(folders[0], "vulcan.pth"), line, 0o644))
	waiting := interpreter{command: "python3", main: "main.py", env: env}
	compareAll(t, "python", waiting)
	t.Run("a program of too many files to look through is a new one's", func(t *testing.T) {
		path := t.TempDir()
		check(t, os.WriteFile(filepath.Join(path, "main.py"), []byte("# gets: {\"fresh\": true}\nprint(1)\n"), 0o644))
		for n := range 2000 {
			check(t, os.WriteFile(filepath.Join(path, strconv.Itoa(n)), nil, 0o644))
		}
		if ran := waiting.runCase(t, path, filepath.Join(t.TempDir(), "program"), true); ran.stdout != "1\n" {
			t.Errorf("%+v", ran)
		}
	})
}

func TestProgramsCannotTellANodeThatWaitedFromANewOne(t *testing.T) {
	node, err := filepath.Abs("../../../tools/node/node_modules/.bin")
	check(t, err)
	wait := map[string]string{"NODE_OPTIONS": "--require=" + inImages(t, "node-wait.cjs")}
	env := map[string]string{"PATH": node + ":" + os.Getenv("PATH")}
	compareAll(t, "node", interpreter{command: "node", main: "main.js", env: env, wait: wait})
	t.Run("contexts of processes that waited with one seed have numbers of their own", func(t *testing.T) {
		path, seeded := t.TempDir(), filepath.Join(t.TempDir(), "node")
		print := "console.log(require('vm').runInNewContext('Math.random()'))\n"
		check(t, os.WriteFile(filepath.Join(path, "main.js"), []byte(print), 0o644))
		check(t, os.WriteFile(seeded, []byte("#!/bin/sh\nexec node --random-seed=9 \"$@\"\n"), 0o755))
		waiting := interpreter{command: seeded, main: "main.js", env: env, wait: wait}
		said := map[string]bool{}
		for range 4 {
			said[waiting.runCase(t, path, filepath.Join(t.TempDir(), "program"), true).stdout] = true
		}
		// Each begins at one of 65,536 places: two may share theirs.
		if len(said) < 3 {
			t.Errorf("%v", said)
		}
	})
}

func inImages(t *testing.T, name string) string {
	path, err := filepath.Abs("../../../images/" + name)
	check(t, err)
	return path
}

func compareAll(t *testing.T, runtime string, by interpreter) {
	t.Helper()
	closeInherited(t)
	cases, err := filepath.Glob(filepath.Join(conformance, runtime, "*"))
	check(t, err)
	if len(cases) < 30 {
		t.Errorf("%d programs are too few", len(cases))
	}
	// Not of t.TempDir, whose names are too long for a socket in it.
	parent, err := os.MkdirTemp("", "vulcan-conformance-")
	check(t, err)
	t.Cleanup(func() { os.RemoveAll(parent) })
	folder := filepath.Join(parent, "program")
	for _, path := range cases {
		t.Run(filepath.Base(path), func(t *testing.T) {
			fresh, warm := by.runCase(t, path, folder, false), by.runCase(t, path, folder, true)
			for what, pair := range map[string][2]any{
				"stdout": {fresh.stdout, warm.stdout}, "stderr": {fresh.stderr, warm.stderr}, "result": {fresh.result, warm.result},
				"code": {fresh.exit["code"], warm.exit["code"]}, "signal": {fresh.exit["signal"], warm.exit["signal"]},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s differs\nnew:    %v\nwaited: %v", what, pair[0], pair[1])
				}
			}
			if fresh.stdout+fresh.stderr+fresh.result == "" {
				t.Error("the program says nothing that could differ")
			}
		})
	}
}

// closeInherited keeps from programs what whoever runs this test has left open: an agent has nothing of that kind.
func closeInherited(t *testing.T) {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	check(t, err)
	for _, entry := range open {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
}

// runCase runs a program in a folder that is the same for both ways, since programs print where they are.
func (i interpreter) runCase(t *testing.T, path, folder string, warm bool) ended {
	t.Helper()
	program := readCase(t, path, i.main)
	guest := newGuest(t)
	guest.env.Programs.Drop = false
	check(t, os.CopyFS(folder, os.DirFS(program.path)))
	defer os.RemoveAll(folder)
	c := guest.dial()
	argv := []string{i.command, i.main}
	if warm {
		c.expectOk(c.ask(answer{"op": "prepare", "argv": argv, "env": i.env, "cwd": folder, "wait": i.wait}))
	}
	env := maps.Clone(i.env)
	maps.Copy(env, program.Env)
	request := answer{"argv": argv, "env": env, "cwd": folder, "stdin": program.Stdin != nil, "input": program.Input}
	if started := c.start("", request); started["warm"] != (warm && !program.Fresh) {
		t.Errorf("%v, although one waits (%v) that fits (%v)", started, warm, !program.Fresh)
	}
	if program.Stdin != nil {
		c.sendStdin(*program.Stdin)
	}
	e := c.follow()
	for _, text := range []*string{&e.stdout, &e.stderr} {
		*text = atRandom.ReplaceAllString(strings.ReplaceAll(*text, guest.root, "ROOT"), "RANDOM")
	}
	return e
}

// readCase makes a folder of a file, and reads what the program gets.
func readCase(t *testing.T, path, main string) conformanceCase {
	t.Helper()
	program := conformanceCase{path: path}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		program.path = t.TempDir()
		text, err := os.ReadFile(path)
		check(t, err)
		check(t, os.WriteFile(filepath.Join(program.path, main), text, 0o644))
	}
	text, err := os.ReadFile(filepath.Join(program.path, main))
	check(t, err)
	first, _, _ := strings.Cut(string(text), "\n")
	if _, gets, ok := strings.Cut(first, "gets: "); ok {
		check(t, json.Unmarshal([]byte(gets), &program))
	}
	return program
}
