// Package vmtest has what tests with real machines have in common.
package vmtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// Unavailable skips a test where no machine can be had; IOMAPCHECK_REQUIRE_VM=1 makes that a failure.
func Unavailable(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("IOMAPCHECK_REQUIRE_VM") == "1" {
		t.Fatalf("no virtual machine can be run here: %v", err)
	}
	t.Skipf("no virtual machine can be run here: %v", err)
}

// CacheDir is the user's cache: it has the kernels that tests would otherwise fetch.
func CacheDir(t testing.TB) cache.Dir {
	t.Helper()
	if dir := os.Getenv("IOMAPCHECK_CACHE"); dir != "" {
		return cache.Dir(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		Unavailable(t, err)
	}
	return cache.Dir(filepath.Join(dir, "iomapcheck"))
}
