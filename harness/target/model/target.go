// Package model runs programs on the reference engine: every execution is one schedule of the simulated kernel, found by a
// strategy, and can be replayed from its token.
package model

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/refengine"
	"github.com/iomapcheck/iomapcheck/refengine/fs"
	"github.com/iomapcheck/iomapcheck/refengine/mm"
	"github.com/iomapcheck/iomapcheck/refengine/mutant"
	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// Config says which kernel the engine is to behave like.
type Config struct {
	Release string // as in "6.12"
	// Explored, if it is set, is told how each exploration went, in the goroutine that calls Run.
	Explored func(sched.Report)
}

// Target is the reference engine.
type Target struct{ config Config }

var _ target.Target = (*Target)(nil)

// New makes a target.
func New(c Config) *Target { return &Target{c} }

// Name is "refengine".
func (t *Target) Name() string { return "refengine" }

// Release is the version that the engine behaves like.
func (t *Target) Release() string { return t.config.Release }

// Close has nothing to end.
func (t *Target) Close() {}

// maxSteps bounds an execution; the engine's own strategies need a few thousand.
const maxSteps = 1 << 18

// Run explores schedules of the job by the strategy that it names. Without a name it spends half of the budget depth-first, leaving out
// equivalent schedules, which proves a small program and ends early; the other half goes to a rotation of random strategies, or, where
// that would be unfair, to random choices.
func (t *Target) Run(ctx context.Context, job target.Job, more func(target.Execution) bool) error {
	machine, err := t.machine(job)
	if err != nil {
		return err
	}
	if job.Replay != "" {
		return replay(job, machine, more)
	}
	x := &explorer{job: planFor(job, machine), more: more, explored: t.config.Explored}
	if job.Strategy != "" {
		named, err := strategyFor(job.Strategy, job.Seed)
		if err != nil {
			return err
		}
		_, err = x.explore(ctx, fairFor(job.Program, named), job.Budget)
		return err
	}
	random := mixture(job.Program, job.Seed)
	if loopsUntil(job.Program) {
		_, err = x.explore(ctx, random, job.Budget)
		return err
	}
	return x.inTurns(ctx, sched.NewDPOR(0), random)
}

// inTurns spends an eighth of the budget depth-first, which is enough for small programs, then three eighths at random, which finds most
// of what there is to find soonest, and then the same again the other way round.
func (x *explorer) inTurns(ctx context.Context, search *sched.DPOR, random sched.Strategy) error {
	eighth := x.job.Budget / 8
	for _, turn := range []struct {
		strategy sched.Strategy
		upTo     int // executions, from the start
	}{{search, max(1, eighth)}, {random, 4 * eighth}, {search, 7 * eighth}, {random, x.job.Budget}} {
		if done, err := x.explore(ctx, turn.strategy, turn.upTo-x.executions); done || err != nil {
			return err
		}
	}
	return nil
}

// loopsUntil says whether the program waits in a loop for a task: depth first, the loop would go round for ever without that
// task's being given a turn.
func loopsUntil(p prog.Program) bool {
	return slices.ContainsFunc(p.Steps(), func(s prog.Step) bool { return s.Op.Verb == prog.VUntil })
}

// machine is the configuration that the job's file system and mutants mean.
func (t *Target) machine(job target.Job) (refengine.Config, error) {
	c := refengine.Config{FS: job.FS.Name(), Release: t.config.Release}
	set, err := mutant.Parse(job.Mutants...)
	if err != nil {
		return c, err
	}
	c.Mutants = set
	if !slices.Contains(fs.Names(), job.FS.Name()) {
		return c, target.Unsupported("the engine has no %s", job.FS.Name())
	}
	if c.BlockSize = job.FS.BlockSize(); c.BlockSize < 512 {
		c.BlockSize = 0
	}
	c.FolioOrder = uint8(bits.Len64(uint64(max(0, c.BlockSize-1)) / mm.PageSize))
	options, ok := variants()[job.FS.VariantName()]
	if !ok {
		return c, target.Unsupported("the engine has no variant %s of %s", job.FS.VariantName(), job.FS.Name())
	}
	options.InlineData = options.InlineData || job.FS.Name() == "gfs2" // every small file is stuffed
	c.FSOptions = options
	if why := notModelled(job); why != "" {
		return c, target.Unsupported("%s", why)
	}
	return c, nil
}

// variants are the options that the variants of file systems mean to the engine, beyond block size and attribute.
func variants() map[string]fs.Options {
	return map[string]fs.Options{
		"": {}, "1k": {}, "reflink": {}, "compress": {}, "quota": {}, "rt": {},
		"nodatasum": {NoDatasum: true}, "journal": {JournalData: true}, "jdata": {JournalData: true}, "inline": {InlineData: true}, "dax": {DAX: true},
		"512": {}, "16k": {}, "conventional": {Conventional: true, ZoneSize: 1 << 20},
	}
}

// explorer makes executions of one job.
type explorer struct {
	job        *plan
	more       func(target.Execution) bool
	explored   func(sched.Report)
	executions int
}

// explore runs one strategy. It reports done where nothing is left to try: the caller had enough, or every schedule was seen.
func (x *explorer) explore(ctx context.Context, strategy sched.Strategy, budget int) (done bool, err error) {
	if budget <= 0 {
		return false, nil
	}
	var in *interpreter
	report := sched.Explore(ctx, sched.Options{Name: x.job.Name, Strategy: strategy, Budget: budget, MaxSteps: maxSteps},
		func(s *sched.Sched) { in = start(s, x.job) },
		func(r *sched.Result) bool {
			x.executions++
			var out target.Execution
			if out, err = in.finish(r); err != nil {
				return false
			}
			done = !x.more(out)
			return !done
		})
	if x.explored != nil {
		x.explored(report)
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if report.Complete && !done && err == nil && x.job.Proved != nil {
		x.job.Proved(executed(strategy))
	}
	return done || report.Complete, err
}

// executed is how many schedules a search that is complete has executed.
func executed(s sched.Strategy) int {
	search, ok := s.(interface{ Complete() (int, bool) })
	if !ok {
		return 0
	}
	n, _ := search.Complete()
	return n
}

// replay runs the schedule of a token again.
func replay(job target.Job, machine refengine.Config, more func(target.Execution) bool) error {
	p := planFor(job, machine)
	var in *interpreter
	r, err := sched.Replay(job.Replay, sched.Options{Name: job.Name, MaxSteps: maxSteps},
		func(s *sched.Sched) { in = start(s, p) })
	if errors.Is(err, sched.ErrDiverged) {
		return fmt.Errorf("replay: this token is of another program, case or version of the engine: %w", err)
	}
	if err != nil {
		return err
	}
	out, err := in.finish(r)
	if err != nil {
		return err
	}
	more(out)
	return nil
}
