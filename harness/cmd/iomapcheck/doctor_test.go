package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

func TestTheDoctorSaysWhatIsMissingAndSoDoesItsExitCode(t *testing.T) {
	checks := func(last finding) []check {
		return []check{
			{"good", time.Minute, func(context.Context) finding { return ok("fine") }},
			{"slow", time.Minute, func(context.Context) finding { return warn("wait", "it takes\nlong") }},
			{"last", time.Minute, func(context.Context) finding { return last }},
		}
	}
	for _, c := range []struct {
		last finding
		code int
		want string
	}{
		{ok("fine"), 0, "ok       good          fine\nwarn     slow          it takes; long → wait\nok       last          fine\nruns on the engine and on virtual machines are possible here\n"},
		{missing("get it", "gone"), exitInfra, "missing  last          gone → get it\nnot every run is possible here, for want of: last\n"},
	} {
		var out strings.Builder
		a := &app{out: &out}
		if err := a.diagnose(t.Context(), checks(c.last), false); err != nil || a.code != c.code || !strings.HasSuffix(out.String(), c.want) {
			t.Errorf("exit code %d, want %d; error %v\n%s\nwant at the end\n%s", a.code, c.code, err, &out, c.want)
		}
	}
}

func TestACheckThatDoesNotAnswerIsGivenUp(t *testing.T) {
	never := make(chan struct{})
	defer close(never)
	deaf := check{"deaf", -grace + time.Millisecond, func(context.Context) finding { <-never; return finding{} }}
	if f := deaf.run(t.Context()); f.Status != statusMissing || !strings.Contains(f.Detail, "no answer") {
		t.Errorf("finding %+v", f)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	deaf.limit = time.Hour
	if f := deaf.run(ctx); f.Status != statusMissing || f.Detail != "interrupted" {
		t.Errorf("finding after an interrupt %+v", f)
	}
}

func TestSpaceIsLookedForAboveAFolderThatIsNotThere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there")
	if f := space(dir, 1, "--x"); f.Status != statusOK {
		t.Errorf("finding %+v", f)
	}
	if f := space(dir, 1<<62, "--x"); f.Status != statusMissing || !strings.Contains(f.Remedy, "--x") {
		t.Errorf("finding where too little is free %+v", f)
	}
}

func TestWithoutPackagesOnlyAFilledCacheIsEnough(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	d := &doctor{cache: cache.Dir(t.TempDir())}
	if f := d.apt(t.Context()); f.Status != statusMissing {
		t.Errorf("finding with an empty cache %+v", f)
	}
	filled := &doctor{cache: realCache()}
	if !filled.supplied() {
		t.Skip("no kernel and tools are cached on this machine")
	}
	if f := filled.apt(t.Context()); f.Status != statusWarn || f.Remedy == "" {
		t.Errorf("finding with a filled cache %+v", f)
	}
}
