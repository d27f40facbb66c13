package reproduce

import (
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Circumstances are what a reproducer says about where it comes from, and what it takes as given where its user does not say otherwise. All
// may be empty.
type Circumstances struct {
	// Name is the case's, Rule what must hold, Seen what was seen instead.
	Name, Rule, Seen string
	// Kernel is where it was seen.
	Kernel string
	// FS is the file system as users of iomapcheck name it; Type as mount(8) does.
	FS, Type string
	// Mkfs is the command that makes it, without the device; MountOptions are its own.
	Mkfs, MountOptions string
	// Attr is an attribute that every file gets when it is made.
	Attr prog.Attr
	// Fixed says that the files are there and nobody makes them, as in zonefs.
	Fixed bool
	// Beside says what the file system needs beside its device, "" for nothing.
	Beside string
}

// field is a line of the comment at a reproducer's top.
type field struct{ name, text string }

func (c Circumstances) fields() []field {
	var out []field
	for _, f := range []field{
		{"case", c.Name}, {"must hold", c.Rule}, {"seen", c.Seen}, {"kernel", c.Kernel}, {"fs", c.FS}, {"made by", c.Mkfs}, {"mounted", c.MountOptions},
		{"files", string(c.Attr)},
	} {
		if f.text != "" {
			out = append(out, f)
		}
	}
	return out
}

// lines are the circumstances and the program, for a comment.
func (c Circumstances) lines(p prog.Program) []string {
	var out []string
	for _, f := range c.fields() {
		name := f.name + strings.Repeat(" ", 12-len(f.name))
		for _, line := range wrapped(f.text, 76) {
			out = append(out, name+line)
			name = strings.Repeat(" ", 12)
		}
	}
	if len(out) > 0 {
		out = append(out, "")
	}
	out = append(out, "The program, as iomapcheck has it:", "")
	for line := range strings.Lines(p.String()) {
		out = append(out, "    "+strings.TrimRight(line, "\n"))
	}
	return out
}

// wrapped breaks a text between words.
func wrapped(text string, width int) []string {
	out := []string{""}
	for _, word := range strings.Fields(text) {
		last := &out[len(out)-1]
		switch {
		case *last == "":
			*last = word
		case len(*last)+1+len(word) > width:
			out = append(out, word)
		default:
			*last += " " + word
		}
	}
	return out
}
