package session

import (
	"bytes"
	"encoding/json"
	"io"

	"vulcan/native/guest/fault"
	"vulcan/native/guest/program"
)

type hello struct {
	Op      string `json:"op"`
	Proto   int    `json:"proto"`
	Version string `json:"version"`
}

type ok struct {
	Op string `json:"op"`
}

type written struct {
	Op    string `json:"op"`
	Bytes int64  `json:"bytes"`
	Files *int64 `json:"files,omitempty"`
}

type started struct {
	Op   string `json:"op"`
	Pid  int    `json:"pid"`
	Warm bool   `json:"warm"`
	Cold string `json:"cold,omitempty"`
}

type refusal struct {
	Op      string     `json:"op"`
	Code    fault.Code `json:"code"`
	Step    string     `json:"step"`
	Message string     `json:"message"`
}

type ping struct{ Op string }

type shutdown struct{ Op string }

type kill struct{ Op, Signal string }

// ack and attach count bytes of each stream over the whole run.
type ack struct {
	Op             string
	Stdout, Stderr int64
}

type attach struct {
	Op, Run        string
	Stdout, Stderr int64
}

// Protocol is the version that both sides must speak.
const Protocol = 2

// Configuration is what the host tells a vm about itself.
type Configuration struct {
	Op         string
	Hostname   string
	TimeUnixNs string `json:"time_unix_ns"`
	Entropy    []byte // base64 in JSON
	Network    *Network
}

// Network is the vm's place in one: IPv4 only.
type Network struct {
	MAC         string
	Address     string // with its prefix length
	Gateway     string
	MTU         int
	Nameservers []string
}

type writeRequest struct {
	Op   string
	Path string
	Mode uint32
}

type unpackRequest struct {
	Op       string
	Format   string
	MaxBytes int64 `json:"max_bytes"`
	MaxFiles int64 `json:"max_files"`
}

type execRequest struct {
	Op string
	words
	limits
	Stdin     bool
	Input     *string
	ResultMax int64 `json:"result_max_bytes"`
	Run       string
	Tag       string
	KeepMs    int64 `json:"keep_ms"`
	Rehearsal bool
	Uploaded  bool
}

// words are what a process is started with.
type words struct {
	Argv []string
	Env  map[string]string
	Cwd  string
}

// limits are what a program is held to; 0 is none.
type limits struct {
	MemoryBytes int64 `json:"memory_bytes"`
	Pids        int64
	CPUQuotaUs  int64 `json:"cpu_quota_us"`
	CPUPeriodUs int64 `json:"cpu_period_us"`
}

// specOf is a program without anything of its own.
func specOf(w words, l limits) (program.Spec, error) {
	bad := func(what string) (program.Spec, error) {
		return program.Spec{}, fault.New(fault.BadRequest, "limits", "%s", what)
	}
	if l.MemoryBytes < 0 || l.Pids < 0 || l.CPUQuotaUs < 0 || l.CPUPeriodUs < 0 {
		return bad("a limit is negative")
	}
	if l.CPUQuotaUs > 0 && l.CPUPeriodUs == 0 {
		return bad("a cpu quota needs a period")
	}
	return program.Spec{
		Argv: w.Argv, Env: w.Env, Cwd: w.Cwd,
		Memory: l.MemoryBytes, Pids: l.Pids, CPUQuota: l.CPUQuotaUs, CPUPeriod: l.CPUPeriodUs,
	}, nil
}

type prepareRequest struct {
	Op string
	words
	limits
	// Wait is more environment, which makes the interpreter wait.
	Wait map[string]string
}

// decode reads a request whose fields are all known.
func decode(payload []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fault.New(fault.BadRequest, "request", "the request is not well-formed: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return fault.New(fault.BadRequest, "request", "the request has something behind it")
	}
	return nil
}

func opOf(payload []byte) (string, error) {
	var any struct{ Op string }
	if err := json.Unmarshal(payload, &any); err != nil {
		return "", fault.New(fault.BadRequest, "request", "the request is not well-formed: %w", err)
	}
	return any.Op, nil
}
