package ci

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/iomapcheck/iomapcheck"

// listed is what go list says of a package.
type listed struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

// rule is one line of DESIGN.md's "May import".
type rule struct {
	// of are the packages it binds, by path below the module; a trailing /... takes those below.
	of []string
	// may says what they may import beside the standard library: paths below the module, or whole import paths. nil is anything.
	may []string
	why string
}

func rules() []rule {
	return []rule{
		{of: []string{"refengine/..."}, may: []string{"refengine/...", "golang.org/x/..."}, why: "the engine is a model of the kernel and knows nothing of the harness"},
		{of: []string{"cases/..."}, may: []string{"cases/...", "harness/prog"}, why: "cases are data"},
		{of: []string{"harness/prog", "harness/history", "harness/judge"}, may: []string{"harness/prog", "harness/history", "harness/judge"}, why: "programs, histories and the judge are used everywhere and depend on nothing"},
		{of: []string{"harness/reproduce"}, may: []string{"harness/prog"}, why: "it writes programs out and runs none"},
		{of: []string{"vmimage/..."}, may: []string{"vmimage/...", "golang.org/x/...", "github.com/klauspost/compress/...", "github.com/ulikunitz/xz/..."}, why: "machines know nothing of what is run in them"},
		{of: []string{"harness/disk", "harness/oops", "harness/fsys"}, may: []string{"golang.org/x/..."}, why: "they are mechanisms of their own"},
		{of: []string{"harness/pressure"}, may: []string{"golang.org/x/...", "github.com/containerd/cgroups/..."}, why: "it is a mechanism of its own"},
		{of: []string{"harness/ktrace"}, may: []string{"golang.org/x/..."}, why: "it is a mechanism of its own"},
	}
}

func TestPackagesImportOnlyWhatTheDesignAllows(t *testing.T) {
	packages := list(t)
	for _, r := range rules() {
		bound := 0
		for _, p := range packages {
			if !matches(p.ImportPath, r.of) {
				continue
			}
			bound++
			for _, imported := range p.Imports {
				if !standard(imported) && !matches(imported, r.may) {
					t.Errorf("%s imports %s: %s", p.ImportPath, imported, r.why)
				}
			}
		}
		if bound == 0 {
			t.Errorf("the rule about %v binds no package: it cannot fail", r.of)
		}
	}
}

func TestOnlyTheSuiteImportsGinkgo(t *testing.T) {
	found := false
	for _, p := range list(t) {
		for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if !strings.HasPrefix(imported, "github.com/onsi/") {
				continue
			}
			found = true
			if !matches(p.ImportPath, []string{"suite", "harness/spec"}) {
				t.Errorf("%s imports %s: that registers Ginkgo's flags in everything that links it", p.ImportPath, imported)
			}
		}
	}
	if !found {
		t.Error("no package imports Ginkgo: the rule cannot fail")
	}
}

// The judge must not share its expectations with what it judges.
func TestNothingOfTheHarnessIsKnownToTheEngineEvenInTests(t *testing.T) {
	for _, p := range list(t) {
		if !matches(p.ImportPath, []string{"refengine/..."}) {
			continue
		}
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			if strings.HasPrefix(imported, module+"/harness") || strings.HasPrefix(imported, module+"/cases") {
				t.Errorf("a test of %s imports %s", p.ImportPath, imported)
			}
		}
	}
}

func list(t *testing.T) []listed {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", module+"/...").Output()
	if err != nil {
		t.Fatalf("list packages: %v", err)
	}
	var packages []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p listed
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	return packages
}

// standard says whether an import path is of the standard library: its first element has no dot.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// matches says whether an import path is meant by one of the patterns.
func matches(path string, patterns []string) bool {
	for _, pattern := range patterns {
		if first, _, _ := strings.Cut(pattern, "/"); !strings.Contains(first, ".") {
			pattern = module + "/" + pattern
		}
		below, all := strings.CutSuffix(pattern, "/...")
		if path == pattern || all && (path == below || strings.HasPrefix(path, below+"/")) {
			return true
		}
	}
	return false
}

func TestPatternsMatchWholeElements(t *testing.T) {
	for path, want := range map[string]bool{
		module + "/refengine": true, module + "/refengine/mm": true, module + "/refengine2": false, "golang.org/x/sys/unix": true, "golang.org/y": false,
	} {
		if got := matches(path, []string{"refengine/...", "golang.org/x/..."}); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}
