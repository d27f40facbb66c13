package guest

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAModuleGetsItsParametersFromTheKernelsCommandLine(t *testing.T) {
	const line = "quiet nvme_core.io_timeout=4294967 nvme.poll_queues=1 nvme_core.admin_timeout=60 panic=-1\n"
	for path, want := range map[string]string{
		"/modules/nvme_core.ko": "io_timeout=4294967 admin_timeout=60",
		"/modules/nvme-core.ko": "io_timeout=4294967 admin_timeout=60",
		"/modules/nvme.ko":      "poll_queues=1",
		"/modules/core.ko":      "",
	} {
		if got := parameters(path, line); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func TestAFileOfTheHostIsNotDAX(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if missing, err := daxAttribute(f); err != nil || missing == "" {
		t.Errorf("statx calls %s DAX: %q, %v", f.Name(), missing, err)
	}
}
