// Package modules loads the kernel modules that an initramfs brought along.
package modules

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Dir is where an initramfs has them (src/images/initramfs.ts). What lies there holds memory until it is removed.
const Dir = "/modules"

// Order reads which files of dir are to be loaded, from its file "order", as paths. A kernel with everything built in has
// no such file (fs.ErrNotExist).
func Order(dir string) (paths []string, err error) {
	order, err := os.ReadFile(filepath.Join(dir, "order"))
	for name := range strings.FieldsSeq(string(order)) {
		paths = append(paths, filepath.Join(dir, name))
	}
	return paths, err
}

// Load loads modules in their order. One that fails stops no other; there is an error for each, and the caller knows
// what it means.
func Load(paths []string) (failures []error) {
	for _, path := range paths {
		if err := load(path); err != nil {
			failures = append(failures, fmt.Errorf("module %s: %w", filepath.Base(path), err))
		}
	}
	return failures
}

func load(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	err = unix.FinitModule(int(file.Fd()), "", flags(path))
	if errors.Is(err, unix.EEXIST) { // built in, or loaded already
		return nil
	}
	return err
}

// flags has the kernel itself inflate what is compressed.
func flags(path string) int {
	if filepath.Ext(path) == ".ko" {
		return 0
	}
	return unix.MODULE_INIT_COMPRESSED_FILE
}
