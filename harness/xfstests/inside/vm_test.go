package inside_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/hosttest"
	"github.com/iomapcheck/iomapcheck/harness/target/vm"
	"github.com/iomapcheck/iomapcheck/vmimage/qemu"
	"github.com/iomapcheck/iomapcheck/vmimage/vmtest"
)

// inGuest is what an installed test does, on a kernel that has no nbd, as those of appliances.
const inGuest = `for d in fuse loop ext4; do for f in $(grep ^$d: /modules/index | cut -d: -f2); do insmod /modules/$f 2>&1 | grep -v exists; done; done
mkdir /t
export FSTYP=ext4 TEST_DEV=/dev/vda TEST_DIR=/t SCRATCH_DEV=/dev/vda SCRATCH_MNT=/s
/init xfstests run-case fallback/writeback-error --where disk --full /tmp/full --reason /tmp/reason; echo exit $?
cat /tmp/reason; grep '^ok\|^unsupported\|^fail\|^infra' /tmp/full`

// Users' kernels are older than this machine's: there a loop device does not ask a file of FUSE for its size.
func TestACaseOnTheDiskRunsOnAnOlderKernelWithoutNBD(t *testing.T) {
	if testing.Short() {
		t.Skip("boots a machine")
	}
	if _, err := qemu.Find(t.Context(), ""); err != nil {
		vmtest.Unavailable(t, err)
	}
	target, err := vm.Open(t.Context(), vm.Config{
		Kernel: "debian:6.12", Cache: vmtest.CacheDir(t), Agent: hosttest.Program(t), Shell: true, Modules: []string{"fuse", "loop"},
		Report: func(line string) { t.Log(line) },
	})
	if err != nil {
		vmtest.Unavailable(t, err)
	}
	t.Cleanup(target.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var said bytes.Buffer
	if _, err := target.Shell(ctx, vm.Shell{Command: inGuest, In: strings.NewReader(""), Out: &said, Err: &said}); err != nil {
		t.Fatal(err)
	}
	if text := said.String(); !strings.HasPrefix(text, "exit 0\n") || !strings.Contains(text, "ok ") || strings.Contains(text, "unsupported") {
		t.Errorf("it said: %s", text)
	}
}
