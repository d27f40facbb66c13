package refengine

import (
	"context"
	"testing"

	"github.com/iomapcheck/iomapcheck/refengine/sched"
)

// BenchmarkSituation measures one execution of each situation with its machine: 64 KiB files, holds, remount and every view compared.
func BenchmarkSituation(b *testing.B) {
	for name, main := range map[string]func(*world, *sched.Task){
		"post-write-invalidation": postWriteInvalidation, "redirty": redirty, "truncate-waits": truncateWaits,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			w := &world{}
			rep := sched.Explore(context.Background(), sched.Options{Strategy: sched.NewRandom(1), Budget: b.N}, func(s *sched.Sched) {
				w.again()
				w.m, _ = New(s, Config{FS: "xfs", Trace: func(e Event) { w.events = append(w.events, e) }})
				s.Go("main", func(t *sched.Task) { main(w, t) })
			}, nil)
			b.ReportMetric(float64(rep.Steps)/float64(rep.Executions), "steps/op")
			b.ReportMetric(float64(rep.Steps)/b.Elapsed().Seconds(), "steps/s")
		})
	}
}
