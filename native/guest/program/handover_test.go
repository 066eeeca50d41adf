package program

import (
	"maps"
	"testing"
)

// A program becomes the interpreter that waits only where it could not tell the difference.
func TestAProgramFitsAnInterpreterThatWasStartedAsItsOwnWouldBe(t *testing.T) {
	waits := Spec{Argv: []string{"python3", "main.py"}, Cwd: "/work", Env: map[string]string{"PYTHONUNBUFFERED": "1"}}
	with := func(more map[string]string) map[string]string {
		env := maps.Clone(waits.Env)
		maps.Copy(env, more)
		return env
	}
	for name, c := range map[string]struct {
		argv []string
		cwd  string
		env  map[string]string
		// memory is the program's limit, used what the interpreter has, in bytes.
		memory, used int64
		fits         bool
	}{
		"the same":                            {fits: true},
		"variables of the program's own":      {env: with(map[string]string{"VULCAN_WORKLOAD_ID": "x", "COLOR": "no"}), fits: true},
		"a default, written out":              {env: with(map[string]string{"HOME": "/home/vulcan"}), fits: true},
		"an argument more":                    {argv: []string{"python3", "main.py", "-v"}},
		"another file":                        {argv: []string{"python3", "app.py"}},
		"another folder":                      {cwd: "/work/src"},
		"a variable that Python reads":        {env: with(map[string]string{"PYTHONHASHSEED": "0"})},
		"one that Python read and is no more": {env: map[string]string{}},
		"another value of one that it read":   {env: with(map[string]string{"PYTHONUNBUFFERED": "0"})},
		"a library put before others":         {env: with(map[string]string{"LD_PRELOAD": "x.so"})},
		"options of Node":                     {env: with(map[string]string{"NODE_OPTIONS": "--trace-gc"})},
		"another zone":                        {env: with(map[string]string{"TZ": "UTC"})},
		"another home":                        {env: with(map[string]string{"HOME": "/work"})},
		"a variable that would have it wait":  {env: with(map[string]string{waitVariable: "3,4"})},
		"no limit on memory":                  {used: 1 << 40, fits: true},
		"half of its memory":                  {memory: 100, used: 50, fits: true},
		"more than half of its memory":        {memory: 100, used: 51},
	} {
		t.Run(name, func(t *testing.T) {
			wanted := Spec{Argv: c.argv, Cwd: c.cwd, Env: c.env, Memory: c.memory}
			if wanted.Argv == nil {
				wanted.Argv = waits.Argv
			}
			if wanted.Cwd == "" {
				wanted.Cwd = waits.Cwd
			}
			if wanted.Env == nil {
				wanted.Env = waits.Env
			}
			if why := misfit(waits, wanted, c.used); (why == "") != c.fits {
				t.Errorf("misfit: %q, want fits: %v", why, c.fits)
			}
		})
	}
}
