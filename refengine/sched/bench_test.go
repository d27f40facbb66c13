package sched

import (
	"context"
	"sync"
	"syscall"
	"testing"
	"time"
)

// cpu runs f and reports the processor time it took per operation: on a shared machine wall time says little.
func cpu(b *testing.B, ops func() int, f func()) {
	before := processorTime()
	f()
	b.ReportMetric(float64(processorTime()-before)/float64(ops()), "cpu-ns/op")
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchStrategies() []Strategy {
	return []Strategy{
		NewRandom(1), NewPCT(2, 1), NewPCT(3, 1), NewPCT(5, 1), NewPOS(1), NewURW(1), NewSURW(1), NewRotation(1), NewDFS(), NewDPOR(0),
		NewSleepSets(0),
	}
}

// BenchmarkPoint measures one scheduling point among 3 tasks; -benchmem must say 0 allocs.
func BenchmarkPoint(b *testing.B) {
	for _, s := range benchStrategies()[:8] {
		b.Run(s.Name(), func(b *testing.B) {
			b.ReportAllocs()
			sc := New()
			defer sc.Close()
			const perRun = 30000
			setup := func(s *Sched) {
				for range 3 {
					s.Go("t", func(t *Task) {
						for range perRun / 3 {
							t.Step("step", 1)
						}
					})
				}
			}
			sc.Run(Options{Strategy: s}, setup)
			b.ResetTimer()
			n := 0
			cpu(b, func() int { return n }, func() {
				for ; n < b.N; n += perRun {
					sc.Run(Options{Strategy: s}, setup)
				}
			})
		})
	}
}

// BenchmarkExecution3x20 is the program that the peers were measured with: 3 tasks of 20 points, ten lock and unlock pairs each.
func BenchmarkExecution3x20(b *testing.B) {
	for _, s := range benchStrategies() {
		b.Run(s.Name(), func(b *testing.B) {
			b.ReportAllocs()
			var rep Report
			cpu(b, func() int { return b.N }, func() {
				rep = Explore(context.Background(), Options{Strategy: s, Budget: b.N}, setup3x20, nil)
			})
			b.ReportMetric(float64(rep.Steps)/float64(rep.Executions+rep.Pruned), "steps/op")
		})
	}
}

// BenchmarkWorkers3x20 runs the program on one scheduler and on two side by side; two share nothing: where two processors are free,
// the wall time halves as far as the processor time of an execution stays the same.
func BenchmarkWorkers3x20(b *testing.B) {
	for _, c := range []struct {
		name    string
		workers int
	}{{"one", 1}, {"two", 2}} {
		b.Run(c.name, func(b *testing.B) {
			cpu(b, func() int { return b.N }, func() {
				var wg sync.WaitGroup
				for w := range c.workers {
					wg.Go(func() { // each makes its own strategy: two beside each other in memory would share cache lines
						o := Options{Strategy: NewPCT(3, uint64(w)), Budget: (b.N + c.workers - 1) / c.workers}
						Explore(context.Background(), o, setup3x20, nil)
					})
				}
				wg.Wait()
			})
		})
	}
}

func setup3x20(s *Sched) {
	var m Mutex
	m.Init(s, Label{Class: "m"})
	body := func(t *Task) {
		for range 10 {
			m.Lock(t)
			m.Unlock(t)
		}
	}
	for range 3 {
		s.Go("t", body)
	}
}
