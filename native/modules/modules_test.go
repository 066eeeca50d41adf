package modules

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// folder is one of an initramfs: an order, and files that no kernel takes for modules.
func folder(t *testing.T, order string, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range append(names, "order") {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(order), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// loadAll reads the order and loads what it names.
func loadAll(t *testing.T, dir string) []error {
	t.Helper()
	order, err := Order(dir)
	if err != nil {
		t.Fatal(err)
	}
	return Load(order)
}

func TestAKernelWithEverythingBuiltInNeedsNoModules(t *testing.T) {
	if _, err := Order(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without an order: %v", err)
	}
	for _, dir := range []string{folder(t, ""), folder(t, "", "not-in-the-order.ko")} {
		if failures := loadAll(t, dir); failures != nil {
			t.Errorf("%v", failures)
		}
	}
}

func TestEachFailureNamesItsModuleAndStopsNoOther(t *testing.T) {
	failures := loadAll(t, folder(t, "missing.ko\nbroken.ko\nbroken.ko.xz\nmissing-too.ko\n", "broken.ko", "broken.ko.xz"))
	var named []string
	for _, failure := range failures {
		name, _, _ := strings.Cut(failure.Error(), ": ")
		named = append(named, name)
	}
	want := []string{"module missing.ko", "module broken.ko", "module broken.ko.xz", "module missing-too.ko"}
	if !slices.Equal(named, want) {
		t.Fatalf("failures are %v", failures)
	}
	for i, missing := range []bool{true, false, false, true} {
		if errors.Is(failures[i], fs.ErrNotExist) != missing {
			t.Errorf("%v", failures[i])
		}
	}
}

func TestAnOrderThatCannotBeReadIsAFailure(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "order"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Order(dir); !errors.Is(err, unix.EISDIR) {
		t.Errorf("%v", err)
	}
}

func TestTheKernelInflatesWhatIsCompressed(t *testing.T) {
	for path, want := range map[string]int{
		"/modules/kvm.ko": 0, "/modules/kvm.ko.xz": unix.MODULE_INIT_COMPRESSED_FILE, "/modules/kvm.ko.zst": unix.MODULE_INIT_COMPRESSED_FILE,
	} {
		if got := flags(path); got != want {
			t.Errorf("%s has flags %d", path, got)
		}
	}
}
