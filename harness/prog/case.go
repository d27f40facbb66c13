package prog

import "fmt"

// Case is an entry of the catalogue: a rule, and the programs that provoke and judge it.
type Case struct {
	// ID is theme/name, stable and unique.
	ID string
	// Rule says in plain words what must hold; Kernel names the function that makes it so; Source where it comes from.
	Rule, Kernel, Source string
	// Needs are capabilities a target must have: "disk" (the programmable disk), "trace", "aio".
	Needs []string
	// Schedules is how many schedules the engine tries of a program at most, 0 for as many as of any: programs of one task, whose only
	// company are the kernel's workers, show in a few what they have to show.
	Schedules int
	// Variants are the case's parameters with their programs; at least one.
	Variants []Variant
	// Rows are the differences by file system, kernel version and target; the first that matches counts.
	Rows []Row
}

// Variant is one setting of a case's parameters.
type Variant struct {
	// Name is unique in the case; "" for a case of one variant.
	Name    string
	Program Program
	// Nightly says that a quick selection leaves it out: it is one of many that are alike, or takes long and shows little more than a shorter
	// one does.
	Nightly bool
}

// Row is a difference by design: why a file system takes another way, with its witness and what may be returned there.
type Row struct {
	// FS are the file systems; empty: all. "gfs2" is every variant of gfs2, "gfs2/1k" that variant, and "gfs2/" the plain form
	// alone. A row for one variant stands before the row for every variant.
	FS []string
	// Variants are those of the case; empty: all.
	Variants []string
	// Target is "refengine", "vm", "host" or "" for all.
	Target string
	// Pressure says that the row speaks of programs whose memory is made short, and of no other. It stands before the row for those that are left alone.
	Pressure bool
	// Since and Before bound the kernel releases as in "6.12"; "" is unbounded. Since is inclusive, Before is not.
	Since, Before string
	// Backports are the point releases with which older stable series got what came with Since: "6.12.117" lets 6.12.117 and
	// every later 6.12.N match, but not 6.13. What counts is uname -r: a distribution that hides the point release there
	// (Debian up to 6.1: 6.1.0-56-amd64) is 6.1.0.
	Backports []string

	// Unsupported, if not empty, says why the rule cannot be tried there.
	Unsupported string
	// Known says that the rule is known not to hold there: Why says what happens instead, Before is the first good release, "" while
	// there is none. Where it holds all the same, the list is wrong: drift.
	Known bool
	// Shows is how a known divergence shows: "hang" or "crash", or "" for a rule that fails. Any other bad verdict is something else.
	Shows string
	// Expect replaces the expectations of the labelled operations; Witnesses replaces all witnesses where not nil.
	Expect    map[string]Expect
	Witnesses []Witness
	// Rules replaces all rules about events where not nil.
	Rules []EventRule

	// Why says in a sentence what the file system does instead, Kernel the function, Commit the change's title if it came
	// or went with one.
	Why, Kernel, Commit string
}

// Theme is the part of the ID before the slash.
func (c Case) Theme() string {
	for i := range c.ID {
		if c.ID[i] == '/' {
			return c.ID[:i]
		}
	}
	return c.ID
}

// Apply is the program as the row changes it. A label the program lacks is an error: the row would silently do nothing.
func (r Row) Apply(p Program) (Program, error) {
	for label := range r.Expect {
		if _, ok := p.Find(label); !ok {
			return p, fmt.Errorf("row %q: the program has no operation @%s", r.Why, label)
		}
	}
	p.Ops = replace(p.Ops, r.Expect)
	if r.Witnesses != nil {
		p.Witnesses = r.Witnesses
	}
	if r.Rules != nil {
		p.Rules = r.Rules
	}
	return p, p.Check()
}

func replace(ops []Op, by map[string]Expect) []Op {
	out := make([]Op, len(ops))
	for i, op := range ops {
		if e, ok := by[op.Label]; ok && op.Label != "" {
			op.Expect = e
		}
		if op.Body != nil {
			op.Body = replace(op.Body, by)
		}
		out[i] = op
	}
	return out
}
