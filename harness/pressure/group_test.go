package pressure

import (
	"errors"
	"math"
	"os"
	"testing"
)

func TestNoLimitIsMoreThanAnyMemory(t *testing.T) {
	if limit(-1) != math.MaxInt64 || limit(8<<20) != 8<<20 || limit(0) != 0 {
		t.Error(limit(-1), limit(8<<20), limit(0))
	}
}

func TestAGroupIsMadeAndRemovedWhereTheMachineHasThem(t *testing.T) {
	g, err := New("iomapcheck-test")
	var unavailable *UnavailableError
	if errors.As(err, &unavailable) || errors.Is(err, os.ErrPermission) || errors.Is(err, os.ErrExist) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if n, err := g.Kills(); n != 0 || err != nil {
		t.Errorf("kills: %d, %v", n, err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(g.Dir()); err == nil {
		t.Error("the folder is still there")
	}
}
