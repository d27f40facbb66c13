package vm

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// warmTarget is a target one of whose levels is warm, and what it reported since.
func warmTarget(t *testing.T) (tg *Target, reported func() string) {
	t.Helper()
	var mu sync.Mutex
	var lines []string
	tg = opened(t, Config{Report: func(line string) {
		t.Log(line)
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, line)
	}})
	for range worthwhile {
		runs(t, tg, small(t, "xfs"))
	}
	tg.pool.owned.Wait()
	if tg.warm.failed != nil && strings.Contains(tg.warm.failed.Error(), "operation not permitted") {
		t.Skip(tg.warm.failed)
	}
	return tg, func() string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(lines, "\n")
	}
}

// copied runs a program on a copy.
func copied(t *testing.T, tg *Target, text string) {
	t.Helper()
	job := small(t, "xfs")
	var err error
	if job.Program, err = prog.Parse(text); err != nil {
		t.Fatal(err)
	}
	_, x := runs(t, tg, job)
	if how := x.Extra["qemu.txt"]; !strings.Contains(how, "a copy, with all its threads") {
		t.Errorf("it did not run on a copy but on %s", how)
	}
}

func TestEveryMachineOfAWarmLevelIsAFreshCopy(t *testing.T) {
	tg, _ := warmTarget(t)
	runs(t, tg, small(t, "xfs")) // what was a clone before the level was warm
	tg.pool.owned.Wait()
	runs(t, tg, small(t, "xfs"))
	// Each finds an empty file system, whatever the others leave, and has a disk of its own.
	var all sync.WaitGroup
	for _, fill := range []string{"a", "b"} {
		all.Go(func() {
			for range 3 {
				text := "size f returns 0\nwrite f 0 64k " + fill + "\nfsync f\ndirect-read f 0 64k = " + fill +
					"\nhold writes f 0 64k\ngo w: direct-write f 0 64k n\nawait held 1\nread f 0 64k = " + fill + "\nrelease\njoin w\nread f 0 64k = n\n"
				copied(t, tg, text)
			}
		})
	}
	all.Wait()
	tg.pool.owned.Wait()
	if n := tg.warm.levels[levelOf(t, tg)].users; n > len(tg.pool.slots) {
		t.Errorf("%d copies are said to run, %d wait", n, len(tg.pool.slots))
	}
}

// What a power cut leaves is mounted by a copy too, of a machine whose kernel has had such a file system mounted before, and whose disk
// held something else then.
func TestBothMachinesOfAPowerCutAreCopies(t *testing.T) {
	tg, _ := warmTarget(t)
	job := small(t, "btrfs")
	var err error
	job.Program, err = prog.Parse("write f 0 64k o\nfsync f\ndirect-write f 0 4k n dsync\nwrite g 0 4k x\ncut\nread f 0 64k = n:4k,o:60k\nread g 0 4k returns 0\n")
	if err != nil {
		t.Fatal(err)
	}
	for range worthwhile {
		runs(t, tg, job)
	}
	tg.pool.owned.Wait()
	runs(t, tg, job) // what were clones before the levels were warm
	tg.pool.owned.Wait()
	for range 3 {
		_, x := runs(t, tg, job)
		if how := x.Extra["qemu.txt"]; !strings.Contains(how, "a copy, with all its threads") {
			t.Errorf("what the cut left was not mounted by a copy but by %s", how)
		}
	}
	var reviving, prepared int
	for l, w := range tg.warm.levels {
		switch {
		case w == nil || l.fs.Name() != "btrfs":
		case l.prepared:
			prepared++
		case l.of != nil:
			reviving++
		}
	}
	if reviving != 1 || prepared != 1 {
		t.Errorf("%d levels of reviving and %d prepared ones are warm, want one of each", reviving, prepared)
	}
}

// A kernel may be built without io_uring, and a machine that crashed is not tried again.
func TestALevelIsWarmedByTheFirstProgramThatIsNotRefused(t *testing.T) {
	crashed := errors.New("crashed")
	for _, test := range []struct {
		results []error
		want    error
		runs    int
	}{
		{[]error{nil, nil}, nil, 1}, {[]error{errRefused, nil}, nil, 2}, {[]error{errRefused, errRefused}, errRefused, 2}, {[]error{crashed, nil}, crashed, 1},
	} {
		ran := 0
		err := firstTaken([]string{"all", "some"}, func(string) error { ran++; return test.results[ran-1] })
		if !errors.Is(err, test.want) || ran != test.runs {
			t.Errorf("%v: %v after %d programs, want %v after %d", test.results, err, ran, test.want, test.runs)
		}
	}
}

func TestEveryShapeHasAWarmUp(t *testing.T) {
	for _, s := range fsys.All() {
		for _, text := range shapeOf(s).warmUps() {
			if p, err := prog.Parse(text); err != nil || len(p.Ops) < 20 {
				t.Errorf("%s: %d operations, %v", s, len(p.Ops), err)
			}
		}
	}
}

// levelOf is the target's only level that has a file system.
func levelOf(t *testing.T, tg *Target) *level {
	t.Helper()
	for l := range tg.warm.levels {
		return l
	}
	t.Fatal("no level is warm")
	return nil
}

func TestWhereCopiesFailMachinesAreClones(t *testing.T) {
	tg, reported := warmTarget(t)
	w := tg.warm.levels[levelOf(t, tg)]
	if err := unix.Kill(w.m.vm.Pid(), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		runs(t, tg, small(t, "xfs"))
	}
	if !strings.Contains(reported(), "machines are clones, which is slower than copies: copy a machine") {
		t.Errorf("reported: %s", reported())
	}
}

// What a kernel complains of while it is warmed, it might not say again in any copy.
func TestALevelWhoseKernelComplainsIsNotWarmed(t *testing.T) {
	complaint := "[    1.000000] BUG: kernel NULL pointer dereference, address: 0000000000000000"
	for _, test := range []struct {
		line string
		done wire.Done
		err  error
		want string
	}{
		{want: ""},
		{line: "[    1.000000] XFS (vda): Mounting V5 Filesystem", want: ""},
		{line: complaint, want: "the kernel complained: "},
		{done: wire.Done{Error: "no"}, want: "no"},
		{done: wire.Done{Hang: true}, want: "did not end"},
		{err: errors.New("gone"), want: "gone"},
	} {
		r := &run{m: &machine{log: newConsole()}, done: test.done}
		if test.line != "" {
			r.m.log.line(test.line)
			r.m.log.finish()
		}
		err := r.quiet(test.err)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", test, err, test.want)
		}
	}
}
