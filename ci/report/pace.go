package report

import (
	"cmp"
	"math"
	"slices"
)

// usual is the middle of the seconds that a cell took, and whether it has been timed often enough to have one.
func (c *Cell) usual() (float64, bool) {
	var times []float64
	for _, s := range c.Seen {
		if s.Executions > 0 {
			times = append(times, s.Seconds)
		}
	}
	if len(times) < 2 {
		return 0, false
	}
	return median(times), true
}

// median is the middle one, the lower of two; not a number for none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}

// Pace is each run's time against the usual one: the middle over its cells of what each took divided by its own middle over all runs. So runs
// that tried different cells can be compared. It is not a number for a run whose cells were all timed only once.
func (r *Report) Pace() []float64 {
	shares := make([][]float64, len(r.Runs))
	for _, c := range r.Cells {
		usual, ok := c.usual()
		if !ok || usual == 0 {
			continue
		}
		for _, s := range c.Seen {
			if s.Executions > 0 {
				shares[s.Run] = append(shares[s.Run], s.Seconds/usual)
			}
		}
	}
	var out []float64
	for _, of := range shares {
		out = append(out, median(of))
	}
	return out
}

// Slow is a cell that took much longer in the newest run than it usually does, in seconds.
type Slow struct {
	Cell  *Cell
	Usual float64
}

// The bounds of what is called slower: so many times the usual, and so many seconds more, for at most so many cells.
const (
	slowTimes   = 2
	slowSeconds = 1
	slowListed  = 20
)

// Slower lists the cells of the newest run that took at least twice as long as usual, and a second more, the worst first.
func (r *Report) Slower() []Slow {
	var out []Slow
	for _, c := range r.Cells {
		usual, ok := c.usual()
		if now := c.Last(); ok && now.Run == len(r.Runs)-1 && now.Seconds >= slowTimes*usual && now.Seconds-usual >= slowSeconds {
			out = append(out, Slow{c, usual})
		}
	}
	slices.SortStableFunc(out, func(a, b Slow) int { return -cmp.Compare(a.Cell.Last().Seconds/a.Usual, b.Cell.Last().Seconds/b.Usual) })
	return out[:min(slowListed, len(out))]
}
