package around

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/oops"
	"github.com/iomapcheck/iomapcheck/harness/xfstests/around/inguest"
)

// judgement is a verdict with its one line.
type judgement struct {
	verdict judge.Verdict
	text    string
	notes   []string
	seconds int // by check's clock
}

// judgeOutcome makes one verdict of what check said and what the kernel said. What the kernel broke counts before what check made of it: a test may pass
// over a WARN. A test that check did not run showed nothing, whatever the exit code.
func judgeOutcome(test inguest.Test, o Outcome) judgement {
	said := readCheck(test.Name, string(o.Files["result.xml"]), o.Output)
	j := verdictOf(test, o, said)
	j.seconds = said.seconds
	for _, f := range o.Findings {
		if f.Severity < oops.Crash {
			j.notes = append(j.notes, "the kernel said: "+f.String())
		}
	}
	return j
}

func verdictOf(test inguest.Test, o Outcome, said checked) judgement {
	if f := worst(o.Findings); f != nil {
		return judgement{verdict: judge.Crash, text: f.String()}
	}
	switch {
	case o.Died != "" && o.Diagnosis == "":
		return judgement{verdict: judge.Crash, text: o.Died}
	case o.Died != "":
		return judgement{verdict: judge.Hang, text: o.Died}
	case o.Hang:
		return judgement{verdict: judge.Hang, text: fmt.Sprintf("did not end within %v%s", test.Limit, asleep(o.Stacks))}
	case o.Error != "":
		return judgement{verdict: judge.Infra, text: o.Error}
	case said.state == passed && o.Code != 0:
		return judgement{verdict: judge.Fail, text: fmt.Sprintf("check says that it passed, and ended with exit code %d: %s", o.Code, lastLines(o.Output, 1))}
	case said.state == passed:
		return judgement{verdict: judge.OK}
	case said.state == notRun:
		return judgement{verdict: judge.Unsupported, text: strings.TrimSpace(said.message)}
	case said.state == failed:
		return judgement{verdict: judge.Fail, text: strings.TrimSpace(said.message + " " + difference(o.Output))}
	}
	return judgement{verdict: judge.Infra, text: fmt.Sprintf("check gave no result (exit code %d): %s", o.Code, lastLines(o.Output, 3))}
}

// worst is the first finding that is a crash.
func worst(findings []oops.Finding) *oops.Finding {
	for i := range findings {
		if findings[i].Severity == oops.Crash {
			return &findings[i]
		}
	}
	return nil
}

// stackHead is the line above a task's stack, and stackFrame one of a stack, as inguest writes them.
var (
	stackHead  = regexp.MustCompile(`^(\S.*/\d+), state D:`)
	stackFrame = regexp.MustCompile(`^\[<[0-9a-f]+>\] ([\w.]+)\+`)
)

// asleep names the first task that sleeps uninterruptibly and where, "" for none.
func asleep(stacks string) string {
	task, frames := "", []string{}
	for line := range strings.Lines(stacks) {
		if m := stackHead.FindStringSubmatch(line); m != nil && task == "" {
			task = m[1]
			continue
		}
		m := stackFrame.FindStringSubmatch(line)
		if task != "" && m == nil {
			break
		}
		if task != "" && len(frames) < 4 {
			frames = append(frames, m[1])
		}
	}
	if task == "" {
		return ""
	}
	return fmt.Sprintf("; %s sleeps in %s", task, strings.Join(frames, " ← "))
}
