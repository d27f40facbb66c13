package ci

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
)

// linted are actionlint's complaints about a workflow.
func linted(t *testing.T, path, text string) []string {
	t.Helper()
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	project, err := actionlint.NewProject("..")
	if err != nil {
		t.Fatal(err)
	}
	found, err := linter.Lint(path, []byte(text), project)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range found {
		out = append(out, f.Error())
	}
	return out
}

// workflows are the repository's, by path.
func workflows(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("../.github/workflows/*.yml")
	if err != nil || len(paths) < 4 {
		t.Fatalf("workflows %v: %v", paths, err)
	}
	out := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out[path] = string(text)
	}
	return out
}

func TestWorkflowsAreWhatGitHubUnderstands(t *testing.T) {
	for path, text := range workflows(t) {
		for _, f := range linted(t, path, text) {
			t.Error(f)
		}
	}
	nightly := workflows(t)["../.github/workflows/nightly.yml"]
	for _, change := range [][2]string{
		{"needs.plan.outputs.matrix", "needs.plan.outputs.matrices"}, {"needs: plan", "needs: plans"}, {"runs-on:", "run-on:"}, {"pattern: runs-*", "patern: runs-*"},
	} {
		if text := strings.Replace(nightly, change[0], change[1], 1); text == nightly || len(linted(t, "../.github/workflows/nightly.yml", text)) == 0 {
			t.Errorf("nothing is wrong with %s", change[1])
		}
	}
}

// commands are what a workflow has the shell run.
func commands(t *testing.T, text string) []string {
	t.Helper()
	flow, errs := actionlint.Parse([]byte(text))
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	var out []string
	for _, job := range flow.Jobs {
		for _, step := range job.Steps {
			run, ok := step.Exec.(*actionlint.ExecRun)
			if !ok {
				continue
			}
			if run.Run.Value != "${{ matrix.run }}" {
				out = append(out, run.Run.Value)
				continue
			}
			for _, one := range job.Strategy.Matrix.Include.Combinations {
				out = append(out, strings.Trim(one.Assigns["run"].Value.String(), `"`))
			}
		}
	}
	return out
}

// logic says what makes a command more than the call of something that is run elsewhere as well; "" for nothing.
func logic(command string) string {
	switch {
	case strings.Contains(strings.TrimSpace(command), "\n"):
		return "it has several lines"
	case strings.ContainsAny(command, "|&;`<>") || strings.Contains(command, "$("):
		return "it is a script"
	case !regexp.MustCompile(`^(make|ci/[a-z-]+|gh release create)( |$)`).MatchString(command):
		return "it calls neither make nor a script in ci"
	}
	return ""
}

func TestNoLogicLivesInWorkflows(t *testing.T) {
	for path, text := range workflows(t) {
		for _, c := range commands(t, text) {
			if why := logic(c); why != "" {
				t.Errorf("%s: %q: %s", path, c, why)
			}
		}
	}
	for _, c := range []string{"make\nmake test", "make | tee log", "make && ci/nightly", "go test ./...", "ci/nightly $(date)"} {
		if logic(c) == "" {
			t.Errorf("%q has no logic", c)
		}
	}
}

// What a workflow runs on somebody else's machine is run here first: by .ci/run, or by a test of this package.
func TestWhatWorkflowsRunIsRunHereToo(t *testing.T) {
	here := ranHere(t)
	used := 0
	for path, text := range workflows(t) {
		for _, c := range commands(t, text) {
			words := strings.Fields(c)
			if words[0] == "gh" || c == "make" {
				continue
			}
			used++
			if key := strings.Join(words[:min(2, len(words))], " "); !slices.Contains(here, key) {
				t.Errorf("%s: %q is run neither by .ci/run nor by a test; they run %q", path, c, here)
			}
		}
	}
	if used < 8 {
		t.Errorf("only %d commands are looked at", used)
	}
}

// ranHere are the commands that .ci/run and this package's tests run, with what make and the scripts call in turn.
func ranHere(t *testing.T) []string {
	t.Helper()
	run, err := os.ReadFile("../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(run)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == "make" {
			out = append(out, "make "+words[1])
		}
	}
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(out); i++ {
		target, _ := strings.CutPrefix(out[i], "make ")
		for _, m := range regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(target)+`:([^#\n]*)`).FindAllStringSubmatch(string(makefile), -1) {
			for _, need := range strings.Fields(m[1]) {
				if !slices.Contains(out, "make "+need) {
					out = append(out, "make "+need)
				}
			}
		}
	}
	if slices.Contains(out, "make nightly") {
		for _, step := range stepsOfAll(t) {
			out = append(out, "ci/nightly "+step)
		}
	}
	return append(out, scriptsRunByTests(t)...)
}

// stepsOfAll are the steps that ci/nightly all, which make nightly calls, is made of.
func stepsOfAll(t *testing.T) []string {
	t.Helper()
	script, err := os.ReadFile("nightly")
	if err != nil {
		t.Fatal(err)
	}
	_, all, _ := strings.Cut(string(script), "\nall)\n")
	all, _, _ = strings.Cut(all, "\n\t;;")
	var out []string
	for _, m := range regexp.MustCompile(`(?m)^([a-z]+)\(\)`).FindAllStringSubmatch(string(script), -1) {
		if regexp.MustCompile(`\b` + m[1] + `\b`).MatchString(all) {
			out = append(out, m[1])
		}
	}
	if len(out) == 0 {
		t.Fatal("ci/nightly all has no steps")
	}
	return out
}

// scriptsRunByTests are what the tests in scripts_test.go and xfstests_test.go have make do, and the scripts that they run themselves.
func scriptsRunByTests(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, name := range []string{"scripts_test.go", "xfstests_test.go"} {
		tests, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`made\(t, "([a-z]+)"`).FindAllStringSubmatch(string(tests), -1) {
			out = append(out, "make "+m[1])
		}
		for _, m := range regexp.MustCompile(`CommandContext\(t\.Context\(\), "\./([a-z-]+)"`).FindAllStringSubmatch(string(tests), -1) {
			out = append(out, "ci/"+m[1])
		}
	}
	return out
}

func TestScriptsAreShellScriptsThatCanBeRun(t *testing.T) {
	for _, name := range []string{"nightly", "packages", "fuzz", "release", "install-missing", "xfstests", "../.ci/run"} {
		info, err := os.Stat(name)
		if err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("%s: not there or not executable: %v", name, err)
		}
		shell := "sh"
		if strings.HasSuffix(name, ".ci/run") {
			shell = "bash"
		}
		if out, err := exec.CommandContext(t.Context(), shell, "-n", name).CombinedOutput(); err != nil {
			t.Errorf("%s: %s", name, out)
		}
	}
}
