package operate

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/disk"
	"github.com/iomapcheck/iomapcheck/harness/history"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Cut freezes what the disk has promised, and what op wants kept beside it. The note, which tells what is lost, has no time yet.
func Cut(d *disk.Disk, op prog.Op, p prog.Program, seed uint64) (note history.Event, err error) {
	kept := 0
	keep := survivors(op, p, seed)
	lost, err := d.CutKeeping(func(n, of int) bool {
		if keep(n, of) {
			kept++
			return true
		}
		return false
	})
	return history.Event{Kind: history.Note, Op: -1, Name: history.PowerCut, N: int64(len(lost)), Text: lostText(lost, kept)}, err
}

// lostText says what a cut took away, the first few requests by name.
func lostText(lost []disk.Request, kept int) string {
	const named = 4
	var names []string
	for _, r := range lost[:min(named, len(lost))] {
		names = append(names, fmt.Sprintf("%s %v", r.Op, r.Range))
	}
	if len(lost) > named {
		names = append(names, "…")
	}
	text := fmt.Sprintf("%d requests were answered and are lost", len(lost))
	if kept > 0 {
		text += fmt.Sprintf(", %d that could have been are kept", kept)
	}
	if len(names) > 0 {
		text += ": " + strings.Join(names, ", ")
	}
	return text
}

// survivors chooses among the writes that were not promised. Chance depends on the seed and program alone, so that a replay throws the
// same.
func survivors(op prog.Op, p prog.Program, seed uint64) func(n, of int) bool {
	switch op.Keep {
	case prog.KeepOldest:
		return func(n, _ int) bool { return int64(n) < op.Count }
	case prog.KeepNewest:
		return func(n, of int) bool { return int64(of-n) <= op.Count }
	case prog.KeepSome:
		h := fnv.New64a()
		h.Write([]byte(p.String()))
		random := rand.New(rand.NewPCG(seed, h.Sum64()))
		lost := -1 // one is always lost: a cut that keeps everything shows nothing
		return func(n, of int) bool {
			if lost < 0 {
				lost = random.IntN(of)
			}
			return random.IntN(2) == 0 && n != lost
		}
	}
	return func(int, int) bool { return false }
}
