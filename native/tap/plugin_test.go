package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// plugin is the binary under test: the specification is about a process, so the tests run one.
var plugin string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "vulcan-tap")
	if err != nil {
		panic(err)
	}
	plugin = filepath.Join(folder, "vulcan-tap")
	if out, err := exec.Command("go", "build", "-o", plugin, ".").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v: %s", err, out))
	}
	code := m.Run()
	if err := os.RemoveAll(folder); err != nil {
		panic(err)
	}
	os.Exit(code)
}

type result struct {
	CNIVersion string
	Interfaces []struct{ Name, Mac, Sandbox string }
	IPs        []struct {
		Address, Gateway string
		Interface        *int
	}
	raw []byte
}

type refusal struct {
	Code uint
	Msg  string
}

func (s *space) add(t *testing.T, args string) (r result) {
	t.Helper()
	r.raw = s.succeed(t, call{command: "ADD", args: args})
	if err := json.Unmarshal(r.raw, &r); err != nil {
		t.Fatalf("%v: %s", err, r.raw)
	}
	return r
}

func (s *space) succeed(t *testing.T, c call) []byte {
	t.Helper()
	out, code := s.run(t, c)
	if code != 0 {
		t.Fatalf("%s exited with %d: %s", c.command, code, out)
	}
	return out
}

// refuse expects a failure in the form the specification gives errors.
func (s *space) refuse(t *testing.T, c call) (r refusal) {
	t.Helper()
	out, code := s.run(t, c)
	if code == 0 {
		t.Fatalf("%s succeeded: %s", c.command, out)
	}
	if err := json.Unmarshal(out, &r); err != nil || r.Msg == "" {
		t.Fatalf("%s: an error that is none: %v: %s", c.command, err, out)
	}
	return r
}

// run runs the plugin on the space's host.
func (s *space) run(t *testing.T, c call) (out []byte, code int) {
	t.Helper()
	s.onHost(t, func() (err error) {
		out, code, err = s.fill(c).output()
		return err
	})
	return out, code
}

func (s *space) fill(c call) call {
	if c.netns == "" && !c.noNetns {
		c.netns = s.path
	}
	if c.prev == nil && !c.noPrev {
		c.prev = fmt.Appendf(nil, `{"cniVersion":"1.0.0","interfaces":[{"name":"vulcan0","mac":"02:00:00:00:00:01"},
			{"name":"veth1","mac":"02:00:00:00:00:02"},{"name":"eth0","mac":%q,"sandbox":%q}],
			"ips":[{"interface":2,"address":"10.88.0.5/16","gateway":"10.88.0.1"}]}`, s.mac, s.path)
		if c.version != "" && c.version < "1.0.0" {
			c.prev = bytes.ReplaceAll(c.prev, []byte(`"interface":2,`), []byte(`"interface":2,"version":"4",`))
			c.prev = bytes.Replace(c.prev, []byte(`"1.0.0"`), fmt.Appendf(nil, "%q", c.version), 1)
		}
	}
	return c
}

// expectNotAsAdded expects CHECK to see what changed since ADD gave that result.
func (s *space) expectNotAsAdded(t *testing.T, since result, words string) {
	t.Helper()
	refusal := s.refuse(t, call{command: "CHECK", prev: since.raw})
	if refusal.Code != codeNotAsAdded || !strings.Contains(refusal.Msg, words) {
		t.Errorf("CHECK gave %+v", refusal)
	}
}

// call is one run of the plugin: its environment and its standard input. "-" leaves a variable out.
type call struct {
	command, containerID, netns, ifName, args, version string
	noNetns, noPrev                                    bool
	prev                                               []byte
	stdin                                              string
}

func (c call) output() ([]byte, int, error) {
	command := exec.Command(plugin)
	command.Env = []string{"CNI_COMMAND=" + c.command, "CNI_PATH=/nowhere", "CNI_ARGS=" + c.args}
	for key, value := range map[string]string{
		"CNI_CONTAINERID": orElse(c.containerID, "test-1"), "CNI_IFNAME": orElse(c.ifName, "eth0"), "CNI_NETNS": orElse(c.netns, "-"),
	} {
		if value != "-" {
			command.Env = append(command.Env, key+"="+value)
		}
	}
	prev := ""
	if c.prev != nil {
		prev = `,"prevResult":` + string(c.prev)
	}
	stdin := fmt.Sprintf(`{"cniVersion":%q,"name":"test","type":"vulcan-tap"%s}`, orElse(c.version, "1.0.0"), prev)
	command.Stdin = strings.NewReader(orElse(c.stdin, stdin))
	var out, words bytes.Buffer
	command.Stdout, command.Stderr = &out, &words
	var exit *exec.ExitError
	if err := command.Run(); err != nil && !errors.As(err, &exit) {
		return nil, 0, fmt.Errorf("%w: %s", err, words.Bytes())
	}
	return out.Bytes(), command.ProcessState.ExitCode(), nil
}

func (c call) run(t *testing.T) ([]byte, int) {
	t.Helper()
	out, code, err := c.output()
	if err != nil {
		t.Fatal(err)
	}
	return out, code
}

func orElse(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
