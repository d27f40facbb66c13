package around

import (
	"errors"
	"fmt"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/target/vm"
)

func TestAMachineThatEndsIsTheKernelsDoingOnlyWhereItCrashed(t *testing.T) {
	o, err := Outcome{}.died(fmt.Errorf("receive control message: %w", &vm.CrashError{}))
	if err != nil || o.Died != "the machine ended by itself" || !o.Spent() {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err := (Outcome{}).died(errors.New("the disk was lost")); err == nil || o.Died != "" {
		t.Errorf("a disk that we lost: %+v, %v", o, err)
	}
}
