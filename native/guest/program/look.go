package program

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"vulcan/native/guest/fault"
)

// DefaultPath is where programs are looked for when nobody says where.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

var defaultEnv = map[string]string{
	"PATH": DefaultPath, "HOME": "/home/vulcan", "USER": "vulcan", "LOGNAME": "vulcan", "TMPDIR": "/tmp", "LANG": "C.UTF-8",
}

// environment is the given one, what is missing of the defaults, and ours, which win.
func environment(given, ours map[string]string) map[string]string {
	all := maps.Clone(defaultEnv)
	maps.Copy(all, given)
	maps.Copy(all, ours)
	return all
}

func flatten(env map[string]string) ([]string, error) {
	flat := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.ContainsRune(env[name], 0) {
			return nil, fault.New(fault.BadRequest, "env", "the variable %q cannot be set", name)
		}
		flat = append(flat, name+"="+env[name])
	}
	return flat, nil
}

// lookPath finds a program as a shell would: by the PATH of its own environment, or from its working directory.
func lookPath(name, path, cwd string) (string, error) {
	if name == "" {
		return "", fault.New(fault.BadRequest, "argv", "there is no program to run")
	}
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(cwd, name)
		}
		return name, executable(name)
	}
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(cwd, dir)
		}
		candidate := filepath.Join(dir, name)
		if executable(candidate) == nil {
			return candidate, nil
		}
	}
	return "", fault.New(fault.ExecFailed, "look", "%s was not found in %s", name, path)
}

func executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fault.New(fault.ExecFailed, "look", "%s cannot be run: %w", path, fault.Why(err))
	case !info.Mode().IsRegular():
		return fault.New(fault.ExecFailed, "look", "%s cannot be run: it is no file", path)
	case info.Mode()&0o111 == 0:
		return fault.New(fault.ExecFailed, "look", "%s cannot be run: it is not executable", path)
	}
	return nil
}

func checkCwd(cwd string) error {
	if !filepath.IsAbs(cwd) {
		return fault.New(fault.BadRequest, "cwd", "the working directory %q is not an absolute path", cwd)
	}
	info, err := os.Stat(cwd)
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return fault.New(fault.ExecFailed, "cwd", "the working directory %s: %w", cwd, fault.Why(err))
	}
	return nil
}

// startFailure says in words what the kernel says in a number.
func startFailure(path string, err error) error {
	words := map[error]string{
		syscall.ENOENT:  "its interpreter is not there",
		syscall.ENOEXEC: "it is neither a program for this machine nor a script with an interpreter (#!)",
		syscall.EACCES:  "the program's user may not run it",
		syscall.E2BIG:   "its arguments and environment are too long",
	}
	for number, why := range words {
		if errors.Is(err, number) {
			return fault.New(fault.ExecFailed, "start", "%s could not be started: %s (%w)", path, why, err)
		}
	}
	var at *fs.PathError
	if errors.As(err, &at) {
		return fault.New(fault.Internal, "start", "%s could not be started: %w", path, err)
	}
	return fault.New(fault.ExecFailed, "start", "%s could not be started: %w", path, err)
}
