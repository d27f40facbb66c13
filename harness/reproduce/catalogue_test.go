package reproduce

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files in testdata anew; refused where CI is set")

// golden compares a text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if os.Getenv("CI") != "" {
			t.Fatal("-rewrite is refused where CI is set: golden files are rewritten by hand and reviewed")
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what it was; got\n%s", path, got)
	}
}

// written is the catalogue in a form: the texts by program, and the programs that are refused by reason.
func written(t *testing.T, as func(prog.Program, Circumstances) (string, error)) (texts map[string]string, reasons map[string][]string) {
	t.Helper()
	texts, reasons = map[string]string{}, map[string][]string{}
	for _, c := range cases.Catalogue() {
		for _, v := range c.Variants {
			name := c.ID
			if v.Name != "" {
				name += "~" + v.Name
			}
			text, err := as(v.Program, Circumstances{Name: name, Rule: c.Rule})
			var refusal *RefusedError
			switch {
			case errors.As(err, &refusal):
				reasons[refusal.Why] = append(reasons[refusal.Why], name)
			case err != nil:
				t.Fatalf("%s: %v", name, err)
			default:
				texts[name] = text
			}
		}
	}
	return texts, reasons
}

func TestWhatTheCatalogueCannotBeWrittenAsIsKnown(t *testing.T) {
	_, reasons := written(t, C)
	var out strings.Builder
	for _, why := range slices.Sorted(maps.Keys(reasons)) {
		fmt.Fprintf(&out, "C refuses %d: %s\n    %s\n", len(reasons[why]), why, strings.Join(reasons[why], "\n    "))
	}
	golden(t, "refused.txt", out.String())
}

// Most of the catalogue is races, which a script cannot run: what is left must not become nothing.
func TestXfsIOHasTheProgramsOfOneTask(t *testing.T) {
	texts, reasons := written(t, XfsIO)
	if len(texts) < 40 {
		t.Errorf("only %d programs can be written: %v", len(texts), reasons)
	}
	for why := range reasons {
		if !slices.Contains([]string{noTasks, noVerb, noBuffer, noCount}, why) {
			t.Errorf("refused for another reason: %s", why)
		}
	}
}

// Every C file of the catalogue has no fault of syntax or types, and nothing that is not used. As many as it takes to have each function in one are
// compiled as well.
func TestTheCatalogueCompiles(t *testing.T) {
	texts, _ := written(t, C)
	dir := t.TempDir()
	var all, whole []string
	seen := map[string]bool{}
	for i, name := range slices.Sorted(maps.Keys(texts)) {
		path := filepath.Join(dir, fmt.Sprintf("%d.c", i))
		write(t, path, "// "+name+"\n"+withoutHeaders(texts[name]))
		all = append(all, path)
		if f := unused(texts[name]); f != "" {
			t.Errorf("%s: %s is not used", name, f)
		}
		more := false
		for _, f := range defined(texts[name]) {
			more = more || !seen[f]
			seen[f] = true
		}
		if more {
			whole = append(whole, path)
		}
	}
	write(t, filepath.Join(dir, "headers.h"), headers(texts["coherence/post-write-invalidation"]))
	compile(t, dir, "-x", "c-header", "headers.h", "-o", "headers.h.gch")
	t.Logf("%d programs, %d of them to be compiled", len(all), len(whole))
	for _, some := range [][]string{append([]string{"-fsyntax-only"}, all[:len(all)/2]...), append([]string{"-fsyntax-only"}, all[len(all)/2:]...), append([]string{"-c"}, whole...)} {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			compile(t, dir, some...)
		})
	}
}

// A compiler that finds nothing would find nothing above either, nor would we.
func TestAFaultInAFileIsFound(t *testing.T) {
	text, err := C(prog.New(prog.Write("f", 0, 4096, 'a')), Circumstances{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text += "static int idle(void)\n{\n\treturn 0;\n}\n"
	if f := unused(text); f != "idle" {
		t.Errorf("%q is not used, want idle", f)
	}
	write(t, filepath.Join(dir, "idle.c"), text)
	if out, err := gcc(t, dir, "-c", "idle.c").CombinedOutput(); err == nil || !strings.Contains(string(out), "unused-function") {
		t.Errorf("%v: %s", err, out)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func compile(t *testing.T, dir string, args ...string) {
	t.Helper()
	if out, err := gcc(t, dir, args...).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%.4000s", err, out)
	}
}

func gcc(t *testing.T, dir string, args ...string) *exec.Cmd {
	path, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("there is no gcc here")
	}
	cmd := exec.CommandContext(t.Context(), path, append([]string{"-O0", "-Wall", "-Werror", "-pthread"}, args...)...)
	cmd.Dir = dir
	return cmd
}

var included = regexp.MustCompile(`(?m)^(#define _GNU_SOURCE|#include .*)\n`)

// headers are what a file includes, for a header that is compiled once for all.
func headers(text string) string { return strings.Join(included.FindAllString(text, -1), "") }

func withoutHeaders(text string) string {
	return `#include "headers.h"` + "\n" + included.ReplaceAllString(text, "")
}

var definition = regexp.MustCompile(`(?m)^static (?:[a-z_]+ )*(?:struct [a-z_]+ )?\*?([a-z_0-9]+)\(.*\)\n\{`)

// defined are the functions that a file has, but for those of its tasks and those that may go without use.
func defined(text string) []string {
	var out []string
	for _, m := range definition.FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(m[0], "static inline ") && !strings.HasPrefix(m[1], "task_") && !strings.HasPrefix(m[1], "only_") {
			out = append(out, m[1])
		}
	}
	return out
}

// unused is a function of a file that nothing speaks of, "" for none.
func unused(text string) string {
	words := map[string]int{}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		words[word]++
	}
	for _, f := range defined(text) {
		if words[f] < 2 {
			return f
		}
	}
	return ""
}
