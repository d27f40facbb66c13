package around

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/oops"
	"github.com/iomapcheck/iomapcheck/harness/target/vm"
	"github.com/iomapcheck/iomapcheck/harness/xfstests/around/inguest"
)

// fakeFleet boots machines that answer from a table, and counts.
type fakeFleet struct {
	t        *testing.T
	outcomes map[string]Outcome
	errs     map[string]error
	started  []string // the column of each boot
	stopped  int
	limits   []time.Duration
}

type fakeMachine struct {
	fleet *fakeFleet
	spent bool
}

func (f *fakeFleet) start(_ context.Context, c Column, _ func(string)) (Machine, error) {
	if err := f.errs["start "+c.Name]; err != nil {
		return nil, err
	}
	f.started = append(f.started, c.Name)
	return &fakeMachine{fleet: f}, nil
}

func (m *fakeMachine) Run(_ context.Context, test inguest.Test, _ func(string)) (Outcome, error) {
	if m.spent {
		m.fleet.t.Errorf("%s: on a machine that was spent", test.Name)
	}
	m.fleet.limits = append(m.fleet.limits, test.Limit)
	o, ok := m.fleet.outcomes[test.Name]
	if !ok {
		o = passes(test.Name)
	}
	m.spent = o.Spent()
	return o, m.fleet.errs[test.Name]
}

func (m *fakeMachine) Stop() { m.fleet.stopped++ }

// passes is the outcome of a test that check says passed.
func passes(test string) Outcome {
	return Outcome{Done: inguest.Done{Seconds: 2}, Output: test + "  1s\n"}
}

func unit(test, column string) Unit {
	return Unit{Test: Test{Name: test, Groups: []string{"auto"}}, Column: Column{Name: column, FSType: column}}
}

func runAll(t *testing.T, f *fakeFleet, units ...Unit) []Verdict {
	t.Helper()
	f.t = t
	r := NewRunner(f.start)
	defer r.Close()
	r.Dir, r.Limit, r.Release = t.TempDir(), 7*time.Minute, "6.12.0"
	var out []Verdict
	for _, u := range units {
		out = append(out, r.Run(t.Context(), u, func(string) {}))
	}
	return out
}

// What the kernel said is kept, as it is of a crash in a test.
func TestAKernelThatCrashesBeforeThereIsATestIsACrashWithItsConsole(t *testing.T) {
	crash := &vm.CrashError{Findings: []oops.Finding{{Severity: oops.Crash, Title: "kernel BUG at fs/x.c:1"}}, Console: "kernel BUG at fs/x.c:1!\n"}
	f := &fakeFleet{errs: map[string]error{"start xfs": fmt.Errorf("start a machine for tests: %w", crash)}}
	v := runAll(t, f, unit("generic/001", "xfs"))[0]
	if v.Verdict.Verdict != judge.Crash || !strings.Contains(v.Text, "kernel BUG at fs/x.c:1") {
		t.Errorf("got %s: %s", v.Verdict.Verdict, v.Text)
	}
	if text, err := os.ReadFile(filepath.Join(v.Evidence, "console.txt")); err != nil || string(text) != crash.Console {
		t.Errorf("the console that is kept: %q, %v", text, err)
	}
}

func TestOneMachineRunsTheTestsOfAColumn(t *testing.T) {
	f := &fakeFleet{}
	for _, v := range runAll(t, f, unit("generic/001", "xfs"), unit("generic/002", "xfs"), unit("generic/001", "ext4")) {
		if v.Verdict.Verdict != judge.OK {
			t.Errorf("%s: %s %s", v.Case, v.Verdict.Verdict, v.Text)
		}
	}
	if got := strings.Join(f.started, " "); got != "xfs ext4" || f.stopped != 2 {
		t.Errorf("booted %s, stopped %d; want a machine a column, stopped at the end", got, f.stopped)
	}
	for _, limit := range f.limits {
		if limit != 7*time.Minute {
			t.Errorf("limit %v", limit)
		}
	}
}

func TestWhatSpoilsAKernelGivesTheNextTestAFreshOne(t *testing.T) {
	for name, spoiled := range map[string]struct {
		outcome Outcome
		want    judge.Verdict
		text    string
	}{
		"a WARN in a test that passes": {withFindings(passes("generic/001"), finding(oops.Warning, oops.Crash)), judge.Crash, "warning: WARNING in f"},
		"a hang": {Outcome{Done: inguest.Done{Hang: true, Seconds: 1, Stacks: "fsx/12, state D:\n[<0>] folio_wait_bit_common+0x13d/0x350\n[<0>] truncate_inode_pages_range+0x1/0x2\n"}},
			judge.Hang, "did not end within 7m0s; fsx/12 sleeps in folio_wait_bit_common ← truncate_inode_pages_range"},
		"a machine that falls silent":    {Outcome{Died: "the guest did not answer within 10m0s", Diagnosis: "registers"}, judge.Hang, "did not answer"},
		"a machine that ends":            {Outcome{Died: "the machine ended by itself"}, judge.Crash, "ended by itself"},
		"a task that hangs, and goes on": {withFindings(passes("generic/001"), finding(oops.HungTask, oops.Warn)), judge.OK, ""},
		"a fault of ours":                {Outcome{Done: inguest.Done{Error: "count branches: no tracefs", Seconds: 1}}, judge.Infra, "no tracefs"},
	} {
		f := &fakeFleet{outcomes: map[string]Outcome{"generic/001": spoiled.outcome}}
		got := runAll(t, f, unit("generic/001", "xfs"), unit("generic/002", "xfs"))
		if v := got[0]; v.Verdict.Verdict != spoiled.want || !strings.Contains(v.Text, spoiled.text) {
			t.Errorf("%s: %s: %s; want %s: %s", name, v.Verdict.Verdict, v.Text, spoiled.want, spoiled.text)
		}
		if len(f.started) != 2 || f.stopped != 2 || got[1].Verdict.Verdict != judge.OK {
			t.Errorf("%s: %d machines, %d stopped, then %s", name, len(f.started), f.stopped, got[1].Verdict.Verdict)
		}
	}
}

func withFindings(o Outcome, findings ...oops.Finding) Outcome {
	o.Findings = findings
	return o
}

func finding(kind oops.Kind, severity oops.Severity) oops.Finding {
	return oops.Finding{Kind: kind, Severity: severity, Title: "WARNING in f"}
}

func TestADiskErrorThatATestProvokesSpoilsNothing(t *testing.T) {
	f := &fakeFleet{outcomes: map[string]Outcome{"generic/001": withFindings(passes("generic/001"), finding(oops.FSShutdown, oops.FSBroken))}}
	got := runAll(t, f, unit("generic/001", "xfs"), unit("generic/002", "xfs"))
	if len(f.started) != 1 || got[0].Verdict.Verdict != judge.OK || len(got[0].Notes) != 1 {
		t.Errorf("%d machines, %+v", len(f.started), got[0])
	}
}

func TestWhatIsNotToBeRunIsUnsupportedAndBootsNothing(t *testing.T) {
	f := &fakeFleet{}
	expunged, dax := unit("generic/001", "xfs"), unit("generic/002", "xfs/dax")
	expunged.Expunged, dax.Column.Unsupported = "expunged: takes 201s", "needs persistent memory"
	for i, v := range runAll(t, f, expunged, dax) {
		if v.Verdict.Verdict != judge.Unsupported || v.Text != []string{expunged.Expunged, dax.Column.Unsupported}[i] || v.Evidence != "" {
			t.Errorf("%+v", v)
		}
	}
	if len(f.started) > 0 {
		t.Errorf("booted %v", f.started)
	}
}

func TestFaultsOfOursAreInfraAndAMissingFileSystemIsUnsupported(t *testing.T) {
	f := &fakeFleet{errs: map[string]error{
		"start ext4": errors.New("no such kernel"), "start btrfs": &UnsupportedError{"this kernel has no file system btrfs"}, "generic/003": errors.New("the guest's side ended by itself"),
	}}
	got := runAll(t, f, unit("generic/001", "ext4"), unit("generic/002", "btrfs"), unit("generic/003", "xfs"), unit("generic/004", "xfs"))
	for i, want := range []judge.Verdict{judge.Infra, judge.Unsupported, judge.Infra, judge.OK} {
		if got[i].Verdict.Verdict != want {
			t.Errorf("%s: %s %s, want %s", got[i].Case, got[i].Verdict.Verdict, got[i].Text, want)
		}
	}
	if len(f.started) != 2 {
		t.Errorf("booted %v", f.started)
	}
}

func TestTheEvidenceHasWhatCheckAndTheKernelSaid(t *testing.T) {
	o := passes("generic/001")
	o.Console, o.Files, o.Branches = "run fstests generic/001\n", map[string][]byte{"001.full": []byte("details"), "../../escape": []byte("x")}, map[string]int64{inguest.Fallback: 3}
	v := runAll(t, &fakeFleet{outcomes: map[string]Outcome{"generic/001": o}}, unit("generic/001", "xfs"))[0]
	if filepath.Base(v.Evidence) != "xfs~generic-001" || v.Reached() != "fallback 3" {
		t.Errorf("%+v", v)
	}
	for name, want := range map[string]string{"001.full": "details", "console.txt": o.Console, "check.txt": o.Output, "escape": "x"} {
		if got, err := os.ReadFile(filepath.Join(v.Evidence, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
