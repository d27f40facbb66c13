package matrix

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Shard is a job: some of the cells.
type Shard struct {
	Cells []Cell
	// Seconds is how long they are going to take one after the other, what goes before each kernel and file system included.
	Seconds float64
}

// What goes before a shard's first case on a kernel, and on a file system of it, in seconds: fetching and booting, and making and mounting.
const (
	kernelSetUp = 60
	systemSetUp = 5
)

// Split divides cells into at most n shards that take equally long, as far as cells allow. The cells stay in their order, which is by kernel:
// the fewer kernels a shard has, the less it has to fetch and boot.
//
// Each cut is where the time up to it is nearest to its share of the whole, so that no shard takes longer than the mean by more than its
// longest cell and what goes before its first one.
func Split(cells []Cell, seconds func(Cell) float64, n int) []Shard {
	var upTo []float64 // the time of the cells up to and with each
	whole := 0.0
	for i, c := range cells {
		whole += setUp(cells[:i], c) + seconds(c)
		upTo = append(upTo, whole)
	}
	var shards []Shard
	for k, from := 1, 0; k <= n && from < len(cells); k++ {
		to := len(cells)
		if k < n {
			to = nearest(upTo, whole*float64(k)/float64(n))
		}
		if to > from {
			shards = append(shards, shardOf(cells[from:to], seconds))
			from = to
		}
	}
	return shards
}

// nearest is how many cells to take so that their time is nearest to a share; times ascend.
func nearest(upTo []float64, share float64) int {
	i, exact := slices.BinarySearch(upTo, share)
	if exact || i < len(upTo) && (i == 0 || upTo[i]-share < share-upTo[i-1]) {
		return i + 1
	}
	return i
}

func shardOf(cells []Cell, seconds func(Cell) float64) Shard {
	s := Shard{Cells: cells}
	for i, c := range cells {
		s.Seconds += setUp(cells[:i], c) + seconds(c)
	}
	return s
}

// setUp is what goes before a cell's first case, beyond what its predecessors needed.
func setUp(before []Cell, c Cell) float64 {
	_, engine := c.Engine()
	n := len(before)
	switch {
	case engine || n > 0 && before[n-1].Kernel == c.Kernel && before[n-1].FS == c.FS:
		return 0
	case n > 0 && before[n-1].Kernel == c.Kernel:
		return systemSetUp
	}
	return kernelSetUp + systemSetUp
}

// Count is how many shards a level needs for work.
func (l Level) Count(work []Shard) int {
	sum := 0.0
	for _, s := range work {
		sum += s.Seconds
	}
	room := float64(l.ShardMinutes * 60 * l.Jobs)
	return max(1, min(l.Shards, int(math.Ceil(sum/room))))
}

// Job is a shard as a workflow's matrix has it.
type Job struct {
	Shard string `json:"shard"` // "3 of 8"
	// Name says what is in it.
	Name string `json:"name"`
	// Cells is what ParseCells reads.
	Cells string `json:"cells"`
	// Minutes is how long it is going to take, Limit after how many something is wrong.
	Minutes int `json:"minutes"`
	Limit   int `json:"limit"`
}

// Plan is the shards as jobs of a workflow.
func (l Level) Plan(shards []Shard) []Job {
	var out []Job
	for i, s := range shards {
		minutes := int(math.Ceil(s.Seconds / float64(60*l.Jobs)))
		out = append(out, Job{Shard: fmt.Sprintf("%d of %d", i+1, len(shards)), Name: s.name(), Cells: Join(s.Cells), Minutes: minutes, Limit: max(30, 4*minutes)})
	}
	return out
}

// name lists the shard's kernels, and how many file systems it has.
func (s Shard) name() string {
	var kernels, systems []string
	for _, c := range s.Cells {
		if !slices.Contains(kernels, c.Kernel) {
			kernels = append(kernels, c.Kernel)
		}
		if !slices.Contains(systems, c.FS) {
			systems = append(systems, c.FS)
		}
	}
	if len(kernels) > 2 {
		kernels = []string{fmt.Sprintf("%d kernels", len(kernels))}
	}
	where := fmt.Sprintf("%d file systems", len(systems))
	if len(systems) < 3 {
		where = strings.Join(systems, ", ")
	}
	return strings.Join(kernels, ", ") + " on " + where
}
