package matrix

import (
	"cmp"
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/runs"
)

// Past is how long verdicts took, in seconds.
type Past struct {
	took map[place]float64
	// usual are the middle times by target, for what was never run.
	usual map[string]float64
}

// place is where a verdict belongs in the matrix: a kernel as the matrix names it, a file system, and a case with its parameters.
type place struct{ kernel, fs, name string }

func placeOf(v campaign.Verdict) place { return place{kernelOf(v), v.FSName(), v.Name()} }

// What a verdict is taken to need where nothing is known, in seconds: on a machine, and on the engine.
const (
	machineGuess = 1.0
	engineGuess  = 0.2
)

// PastOf takes the times from runs, oldest first: the newest of a verdict counts.
func PastOf(all []runs.Run) Past {
	p := Past{took: map[place]float64{}, usual: map[string]float64{}}
	times := map[string][]float64{}
	for _, run := range all {
		for _, v := range run.Verdicts {
			if len(v.Mutants) > 0 {
				continue
			}
			p.took[placeOf(v)] = v.Seconds
			if v.Executions > 0 {
				times[v.Target] = append(times[v.Target], v.Seconds)
			}
		}
	}
	for target, of := range times {
		slices.Sort(of)
		p.usual[target] = of[len(of)/2]
	}
	return p
}

// kernelOf is a verdict's kernel as the matrix names it.
func kernelOf(v campaign.Verdict) string {
	if v.Target == "refengine" {
		return "refengine:" + v.Kernel
	}
	return cmp.Or(v.KernelSpec, v.Kernel)
}

// Seconds is how long the cell's units are going to take one after the other.
func (p Past) Seconds(c Cell, catalogue []prog.Case, quick bool) (float64, error) {
	units, err := c.Units(catalogue, quick)
	if err != nil {
		return 0, err
	}
	target, guess := "vm", machineGuess
	if _, engine := c.Engine(); engine {
		target, guess = "refengine", engineGuess
	}
	if usual, known := p.usual[target]; known {
		guess = usual
	}
	sum := 0.0
	for _, u := range units {
		if took, known := p.took[place{c.Kernel, c.FS, u.CaseName()}]; known {
			sum += took
		} else {
			sum += guess
		}
	}
	return sum, nil
}
