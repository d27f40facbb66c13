package report

import (
	"fmt"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
)

// Where says on which kernel a verdict was given, as a mail does: "kernel 6.12.117+deb13-amd64 (debian:6.12)".
func Where(v campaign.Verdict) string {
	if v.Target == "refengine" {
		where := "the reference engine as Linux " + v.Kernel
		if len(v.Mutants) > 0 {
			where += " with " + strings.Join(v.Mutants, ", ")
		}
		return where
	}
	if v.KernelSpec != "" && v.KernelSpec != v.Kernel {
		return fmt.Sprintf("kernel %s (%s)", v.Kernel, v.KernelSpec)
	}
	return "kernel " + v.Kernel
}

// Reproduce is the command that runs a program from a file under the verdict's circumstances, on any machine.
func Reproduce(v campaign.Verdict, file string) string {
	words := []string{"iomapcheck run -"}
	switch {
	case v.Target == "vm":
		words = append(words, "--target", "vm", "--kernel", quoted(v.KernelSpec))
	case v.Target != "refengine":
		words = append(words, "--target", v.Target)
	case v.Kernel != campaign.DefaultRelease:
		words = append(words, "--release", v.Kernel)
	}
	if len(v.Mutants) > 0 {
		words = append(words, "--mutant", strings.Join(v.Mutants, ","))
	}
	return strings.Join(append(words, "--fs", v.FSName(), "<", file), " ")
}

// Bisect is how to find the commit between two kernels, in a kernel tree: the older is good and the newer bad, or, where the newer is the
// good one, the other way about, in git's words for it. "" where a release does not say which tag it is.
func Bisect(e Edge) string {
	older, newer := e.Older.Last().Verdict, e.Newer.Last().Verdict
	from, to, ok := tags(older.Kernel, newer.Kernel)
	if !ok || newer.Target == "refengine" {
		return ""
	}
	name, pressure := newer.Name(), newer.Parameters["pressure"]
	if pressure != "" {
		name, pressure = strings.TrimSuffix(name, "+"+pressure), " --pressure "+pressure
	}
	run := fmt.Sprintf("git bisect run iomapcheck bisect-run --case %s --fs %s%s", quoted(name), newer.FSName(), pressure)
	if e.Worse {
		return fmt.Sprintf("git bisect start %s %s\n%s", to, from, run)
	}
	return fmt.Sprintf("git bisect start --term-old=broken --term-new=fixed %s %s\n%s --fixed", to, from, run)
}

// Log is how to list the commits between two kernels that may have to do with it, "" where a release does not say which tag it is.
func Log(e Edge) string {
	older, newer := e.Older.Last().Verdict, e.Newer.Last().Verdict
	from, to, ok := tags(older.Kernel, newer.Kernel)
	if !ok || newer.Target == "refengine" {
		return ""
	}
	return fmt.Sprintf("git log --oneline %s..%s -- fs/iomap fs/%s mm/filemap.c mm/truncate.c", from, to, newer.FS)
}

// quoted is a word as a shell takes it.
func quoted(word string) string {
	if strings.ContainsAny(word, "*?[]~ $&;|<>()'\"\\") {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}
