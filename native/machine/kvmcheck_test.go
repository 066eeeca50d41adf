package main

import "testing"

func TestTheProcessorsFlagIsFoundAmongItsFlagsOnly(t *testing.T) {
	for cpuinfo, want := range map[string]string{
		"processor : 0\nflags\t\t: fpu svm sse\n": "svm",
		"flags : vmx\n":                   "vmx",
		"flags : fpu svmx\n":              "",
		"vmx flags : vnmi\nflags : fpu\n": "",
		"":                                "",
		"model name : svm\nflags : fpu\nflags : fpu svm\n": "",
	} {
		got := ""
		if flag := virtualisationFlag(cpuinfo); flag != nil {
			got = *flag
		}
		if got != want {
			t.Errorf("%q: %q, not %q", cpuinfo, got, want)
		}
	}
}
