package judge

import (
	"fmt"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// pressed asks the target what the memory cgroup of the program's tasks counted while they ran.
func (r *run) pressed(w prog.Witness) (bool, string) {
	var taken int64
	var said []string
	for _, e := range r.history.Of(history.Note) {
		if e.Name == history.MemoryPressure {
			taken += e.N
			said = append(said, e.Text)
		}
	}
	if said == nil {
		return false, "nobody said what the tasks' memory cgroup has counted"
	}
	return taken >= w.N, fmt.Sprintf("reclaim took %d pages, want %d: %s", taken, w.N, strings.Join(said, "; then "))
}
