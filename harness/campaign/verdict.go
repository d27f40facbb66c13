package campaign

import (
	"fmt"

	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Verdict is a unit's outcome on a target: one JSON object a line for machines.
type Verdict struct {
	Case       string            `json:"case"`
	Parameters map[string]string `json:"parameters"`
	Target     string            `json:"target"`
	Kernel     string            `json:"kernel"` // release
	KernelSpec string            `json:"kernel_spec,omitempty"`
	FS         string            `json:"fs"`
	Variant    string            `json:"variant"`
	Verdict    judge.Verdict     `json:"verdict"`
	Rule       judge.Rule        `json:"rule"`
	// Text is one line: what was seen and what was expected, or why it is unsupported, unexercised or our own fault.
	Text string `json:"text"`
	// Witness has a line for each kind of evidence that the case asks for.
	Witness []string `json:"witness"`
	// Direct says that direct evidence of the case's situation is among them (judge.Result.Direct).
	Direct bool `json:"direct"`
	// Mutants are the engine's bugs that were switched on.
	Mutants []string `json:"mutants,omitempty"`
	// Row says why this file system takes another way by design, "" where it does not.
	Row string `json:"row,omitempty"`
	// Evidence is a directory, "" where nothing was run.
	Evidence   string  `json:"evidence"`
	Seconds    float64 `json:"seconds"`
	Executions int     `json:"executions"`
	// Proved is how many schedules were executed to stand for every one that there is, 0 where some were left untried.
	Proved int `json:"proved,omitempty"`
	// Replay is what replay takes: a token of the engine, or the evidence directory.
	Replay string `json:"replay"`
	// Token makes the engine do the same again, with the program in the evidence; Replay is the same where the catalogue has the
	// program. "" for kernels.
	Token string `json:"token,omitempty"`
	// Notes are lines that change no verdict.
	Notes []string `json:"notes,omitempty"`

	// given says that the program is not of the catalogue, so that a token alone does not say what to run.
	given bool
	// known is how a divergence shows that the case lists there, "" where it lists none.
	known judge.Verdict
}

// shows is how the divergence that a row lists shows, "" for one that lists none.
func shows(row *prog.Row) judge.Verdict {
	switch {
	case row == nil || !row.Known:
		return ""
	case row.Shows == "":
		return judge.Fail
	}
	return judge.Verdict(row.Shows)
}

// settle compares the verdict with a divergence that the case lists: it shows as listed, or it does so no longer, and the list is wrong.
func (v *Verdict) settle() {
	switch {
	case v.known == "":
	case v.Verdict == v.known:
		v.Verdict = judge.Known
	case v.Verdict.Bad():
		v.Text += fmt.Sprintf(" (not the divergence that the case lists, which is a %s: %s)", v.known, v.Row)
	case v.Verdict == judge.OK && v.Parameters["pressure"] != "":
		// The list is about memory that is not short.
		v.Notes = append(v.Notes, "the divergence that the case lists does not show under memory pressure: "+v.Row)
	case v.Verdict == judge.OK:
		v.Verdict, v.Text = judge.Drift, "the case lists a divergence that no longer shows: "+v.Row
	}
}

// Name is the case with its parameters, as Unit.CaseName.
func (v Verdict) Name() string {
	return caseName(v.Case, v.Parameters["variant"], v.Parameters["pressure"])
}

// FSName is the file system with its variant.
func (v Verdict) FSName() string {
	if v.Variant == "" {
		return v.FS
	}
	return v.FS + "/" + v.Variant
}

// Line is the verdict for a person, on one line.
func (v Verdict) Line() string {
	s := fmt.Sprintf("%-11s %-40s %-15s %-10s %5.1fs", v.Mark(), v.Name(), v.FSName(), v.Target, v.Seconds)
	switch {
	case v.Verdict != judge.OK && v.Text != "":
		s += "  " + v.Text
	case v.Row != "":
		s += "  * " + v.Row
	}
	if v.Proved > 0 {
		s += fmt.Sprintf("  [proved: %s]", schedules(v.Proved))
	}
	return s
}

// schedules says how many executions stood for every schedule.
func schedules(n int) string {
	if n == 1 {
		return "1 schedule stands for all"
	}
	return fmt.Sprintf("%d schedules stand for all", n)
}

// Mark is the verdict as tables show it: ok* where the file system takes another way by design, and was judged by that.
func (v Verdict) Mark() string {
	if v.Verdict == judge.OK && v.Row != "" {
		return "ok*"
	}
	return string(v.Verdict)
}
