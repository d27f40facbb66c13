package report

import (
	"fmt"
	"io"
	"strings"
)

// mailWidth is how long lines of prose are in a mail to a list. Commands, and what was seen, are not broken.
const mailWidth = 72

// Mail writes the report as a mail to a list, in plain text from its subject line on: every finding with what must hold, where and since
// when, and its program.
func (r *Report) Mail(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Subject: %s\n\n", r.subject())
	fmt.Fprint(&b, wrapped(fmt.Sprintf("iomapcheck ran its direct-I/O cases on %s: %s.", strings.Join(r.Newest().Kernels, ", "), r.Sum()), ""), "\n")
	for i, f := range r.Findings {
		if i == maxMailed {
			fmt.Fprintf(&b, "And %d more.\n\n", len(r.Findings)-i)
			break
		}
		r.mailed(&b, i+1, f)
	}
	if len(r.Findings) == 0 {
		b.WriteString("Nothing bad was found.\n\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// maxMailed is how many findings a mail tells of in full.
const maxMailed = 10

func (r *Report) subject() string {
	if len(r.Findings) == 0 {
		return fmt.Sprintf("[iomapcheck] nothing bad on %s", strings.Join(r.Newest().Kernels, ", "))
	}
	f := r.Findings[0]
	s := fmt.Sprintf("[iomapcheck] %s: %s on %s, %s", f.Shown.Last().Verdict.Verdict, f.Case, f.FS, f.Shown.Last().Kernel)
	if n := len(r.Findings) - 1; n > 0 {
		s += fmt.Sprintf(" (and %d more)", n)
	}
	return s
}

func (r *Report) mailed(b *strings.Builder, n int, f *Finding) {
	v := f.Shown.Last()
	fmt.Fprintf(b, "%d. %s: %s on %s\n\n", n, v.Verdict.Verdict, f.Case, f.FS)
	if rule := r.Rule(f.Case); rule != "" {
		fmt.Fprint(b, wrapped("Must hold: "+rule+".", "   "), "\n")
	}
	fmt.Fprint(b, wrapped("Seen: "+v.Text, "   "), "\n")
	for _, c := range f.Cells {
		fmt.Fprintf(b, "     %-11s %s\n", c.Last().Mark(), Where(c.Last().Verdict))
	}
	fmt.Fprintf(b, "\n   File system: %s\n", Made(v.Verdict))
	for _, e := range f.Edges() {
		if log := Log(e); log != "" {
			fmt.Fprintf(b, "   Between them: %s\n", log)
		}
	}
	fmt.Fprintf(b, "\n   Reproduce: %s\n   with this program:\n\n", Reproduce(v.Verdict, "program.txt"))
	e, err := ReadEvidence(v.Evidence)
	if err != nil || e.Text == "" {
		b.WriteString("     (the evidence is not kept any more)\n")
	}
	for line := range strings.Lines(smallest(e)) {
		fmt.Fprint(b, "     ", line)
	}
	if _, err := Reproducer(v.Verdict, e, r.Rule(f.Case)); err == nil {
		fmt.Fprintf(b, "\n   Without iomapcheck: as C, from %s\n", CommandForC(v.Verdict))
	}
	for _, finding := range e.Findings {
		fmt.Fprintf(b, "\n   The kernel says:\n\n     %s\n", strings.Join(finding.Lines, "\n     "))
	}
	b.WriteString("\n")
}

// smallest is the reduced program where there is one.
func smallest(e Evidence) string {
	if e.Reduced != "" {
		return e.Reduced
	}
	return e.Text
}

// wrapped breaks prose between words, with an indent before every line, and ends the last one.
func wrapped(text, indent string) string {
	var b strings.Builder
	line := indent
	for _, word := range strings.Fields(text) {
		if len(line) > len(indent) && len(line)+1+len(word) > mailWidth {
			b.WriteString(line + "\n")
			line = indent
		}
		if len(line) > len(indent) {
			line += " "
		}
		line += word
	}
	return b.String() + line + "\n"
}
