package model_test

import (
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/judge"
)

func TestAHogAndAFloodMakeMemoryShortAndTheHistorySaysSo(t *testing.T) {
	for _, c := range []struct{ name, program, want string }{
		{"a flood of more than the limit", "truncate b 64k\nmemory max 32k\nflood b 0 64k\nwrite f 0 4k n\nwitness pressure 8\n", "reclaim took"},
		{"a flood of more than it may have for long", "truncate b 64k\nmemory high 32k\nflood b 0 64k\nwrite f 0 4k n\nwitness pressure 8\n", "times over memory.high"},
		{"a hog in place of the cache", "truncate b 32k\nmemory max 40k\nflood b 0 32k\nhog 32k\nread b 0 32k = .\nwitness pressure 4\n", "times at memory.max"},
		{"a flood ends with the file", "write b 0 8k n\nflood b 4k 64k\nreclaim 4k\nwitness pressure 0\n", ""},
		{"a task beside main", "write f 0 16k n\nfsync f\ngo p {\n  until main {\n    reclaim 4k\n  }\n}\nread f 0 16k = n\nread f 0 16k = n\nwitness pressure 1\n", "stolen"},
	} {
		if c.want == "" {
			c.program = strings.ReplaceAll(c.program, "witness pressure 0\n", "")
		}
		res := judged(t, "xfs", c.program, 20)
		if res.Verdict != judge.OK || c.want != "" && !strings.Contains(res.Witness[0].Evidence, c.want) {
			t.Errorf("%s: %s %+v", c.name, res.Summary(), res.Witness)
		}
	}
}

func TestAHogThatTheLimitHasNoRoomForIsKilledAndOnlyThat(t *testing.T) {
	const kill = "write f 0 8k n\nmemory max 32k\ngo hog: hog 64k fails SIGKILL\nread f 0 8k = n\njoin hog\nmemory max none\nread f 0 8k = n\nevent oom:mark_victim\n"
	if res := judged(t, "xfs", kill, 20); res.Verdict != judge.OK {
		t.Error(res.Summary())
	}
	// Two tasks that take each other's pages get on, whoever comes first.
	const both = "truncate a 64k\ntruncate b 64k\nmemory max 32k\ngo one: flood a 0 64k\ngo two: hog 16k\nflood b 0 64k\njoin one\njoin two\nwitness pressure 1\n"
	if res := judged(t, "xfs", both, 100); res.Verdict != judge.OK {
		t.Error(res.Summary())
	}
}
