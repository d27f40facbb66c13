package harness_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness"
	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target/model"
)

// A suite with a program, which runs on the reference engine here and as well on any kernel, and with commands: what another suite's tests
// say becomes verdicts of the same kinds.
func Example() {
	suite := harness.Suite{
		Cases: []prog.Case{{
			ID:   "mine/direct-write-is-seen",
			Rule: "a buffered read sees what a direct write wrote",
			Variants: []prog.Variant{{Program: prog.New(
				prog.Write("f", 0, 4096, 'o'), prog.Fsync("f"),
				prog.DirectWrite("f", 0, 4096, 'n'),
				prog.Read("f", 0, 4096).Returns('n'),
			)}},
		}},
		Commands: []harness.Command{
			{
				ID: "ltp/dio01", Rule: "direct writes are seen by direct reads",
				Args:  []string{"sh", "-c", `echo "dio01.c:42: TPASS: 100 blocks agree"`},
				Means: harness.FromLTP, Witness: regexp.MustCompile(`TPASS: [1-9]\d* blocks`),
			},
			{
				ID: "ltp/dio02", Rule: "direct writes are seen by mapped reads",
				Args:  []string{"sh", "-c", `echo "dio02.c:17: TFAIL: block 7 is stale"; exit 1`},
				Means: harness.FromLTP,
			},
			{
				ID: "own/raced", Rule: "a race is met, and nothing is lost by it",
				Args:    []string{"sh", "-c", "echo 0 collisions"},
				Witness: regexp.MustCompile(`[1-9]\d* collisions`),
			},
			{
				ID: "own/dax", Rule: "pinned pages stay where they are",
				Args: []string{"sh", "-c", "echo no DAX device; exit 77"},
			},
		},
	}
	engine := model.New(model.Config{Release: "6.12"})
	defer engine.Close()
	dir, err := os.MkdirTemp("", "suite")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	var verdicts []judge.Verdict
	err = suite.Run(context.Background(), harness.Place{Target: engine, FS: []string{"xfs"}, Dir: dir}, func(v campaign.Verdict) {
		verdicts = append(verdicts, v.Verdict)
		fmt.Println(strings.TrimSpace(fmt.Sprintf("%s %s %s", v.Verdict, v.Name(), v.Text)))
	})
	fmt.Println("exit code", judge.ExitCode(verdicts...), err)
	// Output:
	// ok mine/direct-write-is-seen witnessed in 4 of 4 executions
	// ok ltp/dio01
	// fail ltp/dio02 block 7 is stale
	// unexercised own/raced no line of the output matches [1-9]\d* collisions
	// unsupported own/dax no DAX device
	// exit code 1 <nil>
}
