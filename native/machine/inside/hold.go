package inside

import (
	"fmt"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The kernel patches its own code (static keys) when the first user of some feature appears and when the last one goes.
// Under QEMU's emulation another processor now and then runs into the patched byte when the patching is over: an int3
// that nobody owns, which is a panic or a processor that hangs. So the machine itself is, for as long as it runs, a user
// of each feature that vms bring and take away: their code is patched once, before the first vm.

const (
	kvmCreateIrqchip = 0xAE60
	kvmCreateVCPU    = 0xAE41
)

// held keeps the descriptors from being closed by a finalizer.
var held struct {
	device   *os.File
	vm, vcpu int
}

// hold takes hold of everything vms would switch on and off.
func hold() error {
	if err := holdKVM(); err != nil {
		return fmt.Errorf("kvm: %w", err)
	}
	if err := holdQuota(); err != nil {
		return fmt.Errorf("cpu quota: %w", err)
	}
	if err := holdIngress(); err != nil {
		return fmt.Errorf("ingress qdisc: %w", err)
	}
	return nil
}

// holdKVM keeps a vm with one processor that never runs: its interrupt controller stays as it is after a reset, switched
// off by software, which is what each vm's boot would begin and end.
func holdKVM() error {
	device, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	vm, err := CreateVM(device)
	if err != nil {
		return fmt.Errorf("creating a vm: %w", err)
	}
	if _, err := kvmCall(vm, kvmCreateIrqchip); err != nil {
		return fmt.Errorf("creating its interrupt controller: %w", err)
	}
	vcpu, err := kvmCall(vm, kvmCreateVCPU)
	if err != nil {
		return fmt.Errorf("creating its processor: %w", err)
	}
	unix.CloseOnExec(vcpu)
	held.device, held.vm, held.vcpu = device, vm, vcpu
	return nil
}

func kvmCall(fd int, request uintptr) (int, error) {
	for {
		value, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, 0)
		switch errno {
		case 0:
			return int(value), nil
		case unix.EINTR:
		default:
			return -1, errno
		}
	}
}

// holdQuota keeps an empty cgroup with a limit of cpu time: the scheduler's bandwidth control stays on.
func holdQuota() error {
	const group = "/sys/fs/cgroup/hold"
	if err := os.Mkdir(group, 0o755); err != nil && !os.IsExist(err) {
		return err
	}
	return os.WriteFile(group+"/cpu.max", []byte("100000 100000"), 0)
}

// holdIngress keeps an ingress qdisc, as every vm's tap has one.
func holdIngress() error {
	link, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	attrs := netlink.QdiscAttrs{
		LinkIndex: link.Attrs().Index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_INGRESS,
	}
	return netlink.QdiscAdd(&netlink.Ingress{QdiscAttrs: attrs})
}
