package host

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/exec"
	"github.com/iomapcheck/iomapcheck/harness/fsys"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/hosttest"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == exec.TaskArg {
		os.Exit(exec.TaskMain())
	}
	os.Exit(m.Run())
}

// on opens a target.
func on(t *testing.T, c Config) *Target {
	t.Helper()
	hosttest.NeedRoot(t)
	c.Report = func(line string) { t.Log(line) }
	h, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// judged runs a program on a file system and gives what the judge says of it.
func judged(t *testing.T, h *Target, fs, text string) (judge.Result, *history.History) {
	t.Helper()
	res, x, err := try(t, h, fs, text)
	var unsupported *target.UnsupportedError
	if errors.As(err, &unsupported) && strings.Contains(unsupported.Reason, "no programmable disk") {
		hosttest.Unable(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return res, x.History
}

func try(t *testing.T, h *Target, fs, text string) (res judge.Result, x target.Execution, err error) {
	t.Helper()
	spec, err := fsys.Parse(fs)
	if err != nil {
		t.Fatal(err)
	}
	p, err := prog.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	err = h.Run(t.Context(), target.Job{Program: p, FS: spec, Name: t.Name(), Seed: 1}, func(got target.Execution) bool {
		x, res = got, judge.Judge(p, got.History)
		return true
	})
	return res, x, err
}

const refill = `write f 0 64k o
fsync f
drop-caches
hold writes f 0 64k
go writer: direct-write f 0 64k n
await held 1
read f 0 64k ? o|n may-block @refill
release
join writer
read f 0 64k = n
witness held-while refill
`

func TestARaceIsArrangedOnThisMachinesKernel(t *testing.T) {
	h := on(t, Config{})
	for range 2 { // the second on the same device, made anew
		res, hist := judged(t, h, "ext4", refill)
		if res.Verdict != judge.OK {
			t.Errorf("%s", res.Summary())
		}
		if !slices.ContainsFunc(hist.Events, func(e history.Event) bool { return e.Kind == history.Disk && e.What == history.Held }) {
			t.Error("the history has no held request")
		}
		if hist.Header.Target != "host" || hist.Header.BlockSize != 4096 {
			t.Errorf("header %+v", hist.Header)
		}
	}
}

// The judge must be able to fail here as elsewhere.
func TestAWrongExpectationFails(t *testing.T) {
	if res, _ := judged(t, on(t, Config{}), "ext4", "write f 0 4k o\nread f 0 4k = n\n"); res.Verdict != judge.Fail {
		t.Errorf("%s, want a failure", res.Summary())
	}
}

func TestAPowerCutOfTheDiskTakesWhatWasNotPromised(t *testing.T) {
	h := on(t, Config{})
	res, hist := judged(t, h, "ext4", "write f 0 4k o\nfsync f\ndirect-write f 0 4k n\ncut\nread f 0 4k ? o|n\nwitness lost 1\n")
	if res.Verdict != judge.OK {
		t.Errorf("%s\n%s", res.Summary(), hist.Text(prog.Program{}))
	}
	if res, _ := judged(t, h, "ext4", "write f 0 4k o\nfsync f\ndirect-write f 0 4k n dsync\ncut\nread f 0 4k = n\n"); res.Verdict != judge.OK {
		t.Errorf("what was promised is lost: %s", res.Summary())
	}
}

func TestWhatAKilledRunTracedIsTracedNoMore(t *testing.T) {
	h := on(t, Config{})
	if h.untraced != nil {
		hosttest.Unable(t, h.untraced)
	}
	left := filepath.Join(h.trace.root, "instances/iomapcheck-4194305") // no process has that number
	if err := os.Mkdir(left, 0o750); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(left) })
	judged(t, h, "ext4", "write f 0 4k o\n")
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v, want it gone", left, err)
	}
}

func TestAProgramThatHangsIsGivenUpAndTheNextOneRuns(t *testing.T) {
	h := on(t, Config{RunLimit: 2 * time.Second})
	if res, _ := judged(t, h, "ext4", "write f 0 4k o\nfsync f\nhold writes f 0 4k\ndirect-write f 0 4k n\n"); res.Verdict != judge.Hang {
		t.Errorf("%s, want a hang", res.Summary())
	}
	if res, _ := judged(t, h, "ext4", "write f 0 4k o\nread f 0 4k = o\n"); res.Verdict != judge.OK {
		t.Errorf("the next one: %s", res.Summary())
	}
}

func TestAFolderIsAGroundForWhatNeedsNoDisk(t *testing.T) {
	dir, _ := hosttest.Ext4(t)
	h := on(t, Config{Dir: dir})
	spec, err := h.FS(t.Context(), "")
	if err != nil || spec.String() != "ext4" {
		t.Errorf("the folder is on %s, %v, want ext4", spec, err)
	}
	res, hist := judged(t, h, "ext4", "write f 0 8k o\nfsync f\ndirect-write f 0 4k n\nread f 0 8k = n:4k,o:4k\n")
	if res.Verdict != judge.OK {
		t.Errorf("%s", res.Summary())
	}
	if !slices.ContainsFunc(hist.Events, func(e history.Event) bool { return e.Name == "stays-mounted" }) {
		t.Error("the history does not say that the file system stayed mounted")
	}
	for _, text := range []string{refill, "write f 0 4k o\nremount\n", "fail writes f 0 4k EIO\n"} {
		var unsupported *target.UnsupportedError
		if _, _, err := try(t, h, "ext4", text); !errors.As(err, &unsupported) {
			t.Errorf("%q: %v, want unsupported", text, err)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "lost+found" {
		t.Errorf("left in the folder: %v, %v", left, err)
	}
}

func TestADeviceThatIsMountedIsRefused(t *testing.T) {
	_, device := hosttest.Ext4(t)
	_, err := Open(t.Context(), Config{Drive: Drive{Device: device}})
	if err == nil || !strings.Contains(err.Error(), "it is mounted") {
		t.Errorf("got %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{Drive: Drive{Device: file}}); err == nil || !strings.Contains(err.Error(), "no block device") {
		t.Errorf("a file: %v", err)
	}
}

func TestTheDeviceGetsWhatTheLastProgramLeft(t *testing.T) {
	device := hosttest.LoopDevice(t)
	h := on(t, Config{Drive: Drive{Device: device, MkfsOptions: []string{"-b", "1024"}, MountOptions: []string{"-o", "noatime,data=journal"}}})
	spec, err := h.FS(t.Context(), "ext4")
	var unsupported *target.UnsupportedError
	if errors.As(err, &unsupported) {
		hosttest.Unable(t, err)
	}
	if err != nil || spec.BlockSize() != 1024 {
		t.Fatalf("made %s with blocks of %d, %v; want 1024", spec, spec.BlockSize(), err)
	}
	if res, _ := judged(t, h, "ext4", "write f 0 4k o\nread f 0 4k = o\n"); res.Verdict != judge.OK {
		t.Errorf("%s", res.Summary())
	}
	h.Close()
	hosttest.Command(t, "e2fsck", "-fn", device)
}
