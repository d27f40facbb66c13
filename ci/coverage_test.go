package ci

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/cover"
)

// leastCovered is the part of the engine's iomap that the catalogue must reach, in per cent of its statements.
const leastCovered = 90

// What the catalogue does not reach of the engine's iomap is little, and every function with such a statement is explained: a line each in
// refengine/iomap/uncovered.txt, "function: reason". make unit takes the profile, of every case on every file system, on other releases,
// and with every mutant and side of an argument.
func TestTheCatalogueReachesTheEngineAndWhatItDoesNotReachIsExplained(t *testing.T) {
	name := os.Getenv("IOMAPCHECK_COVERAGE")
	if name == "" {
		t.Skip("IOMAPCHECK_COVERAGE names no profile: make unit takes one")
	}
	profiles, err := cover.ParseProfiles(name)
	if err != nil {
		t.Fatal(err)
	}
	all, missed, in := 0, 0, map[string]bool{}
	for _, p := range profiles {
		functions := functionsOf(t, "../refengine/iomap/"+path.Base(p.FileName))
		for _, b := range p.Blocks {
			all += b.NumStmt
			if b.Count == 0 {
				missed += b.NumStmt
				in[functions.at(b.StartLine)] = true
			}
		}
	}
	if percent := 100 * float64(all-missed) / float64(all); percent < leastCovered {
		t.Errorf("%.1f %% of %d statements are reached, want %d %%", percent, all, leastCovered)
	}
	for _, complaint := range unexplained(in, explained(t)) {
		t.Error(complaint)
	}
}

func TestAFunctionThatIsNotReachedMustBeExplainedAndNoOther(t *testing.T) {
	in := map[string]bool{"Inode.allocate": true, "dio.iter": true}
	got := unexplained(in, map[string]string{"dio.iter": "…", "dio.wait": "…"})
	if len(got) != 2 || !strings.HasPrefix(got[0], "Inode.allocate ") || !strings.HasPrefix(got[1], "dio.wait ") {
		t.Errorf("got %q", got)
	}
}

// unexplained says which functions with missed statements have no reason, and which reasons are for functions without.
func unexplained(missed map[string]bool, reasons map[string]string) []string {
	var out []string
	for f := range missed {
		if reasons[f] == "" {
			out = append(out, f+" has statements that no case reaches: write a case, or its reason into refengine/iomap/uncovered.txt")
		}
	}
	for f := range reasons {
		if !missed[f] {
			out = append(out, f+" is reached: take it out of refengine/iomap/uncovered.txt")
		}
	}
	slices.Sort(out)
	return out
}

func explained(t *testing.T) map[string]string {
	text, err := os.ReadFile("../refengine/iomap/uncovered.txt")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if function, reason, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && !strings.HasPrefix(line, "#") {
			out[function] = reason
		}
	}
	return out
}

// function is one function's name, with its receiver's type, and lines.
type function struct {
	name     string
	from, to int
}

type functions []function

func functionsOf(t *testing.T, file string) functions {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out functions
	for _, d := range parsed.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			out = append(out, function{receiver(f) + f.Name.Name, set.Position(f.Pos()).Line, set.Position(f.End()).Line})
		}
	}
	return out
}

// receiver is the type that a method belongs to, with a dot, "" for a function.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	kind := f.Recv.List[0].Type
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	if name, ok := kind.(*ast.Ident); ok {
		return name.Name + "."
	}
	return ""
}

// at is the function that a line is in, "" for none.
func (list functions) at(line int) string {
	for _, f := range list {
		if f.from <= line && line <= f.to {
			return f.name
		}
	}
	return ""
}
