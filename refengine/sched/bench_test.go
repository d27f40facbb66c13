package sched

import (
	"context"
	"testing"
)

// BenchmarkPoint measures one scheduling point among 3 tasks under random choices; -benchmem must say 0 allocs.
func BenchmarkPoint(b *testing.B) {
	for name, s := range map[string]Strategy{"random": NewRandom(1), "pct3": NewPCT(3, 1)} {
		b.Run(name, func(b *testing.B) {
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
			for n := 0; n < b.N; n += perRun {
				sc.Run(Options{Strategy: s}, setup)
			}
		})
	}
}

// BenchmarkExecution3x20 is the program that the peers were measured with: 3 tasks of 20 points, ten lock and unlock pairs each.
func BenchmarkExecution3x20(b *testing.B) {
	for name, s := range map[string]Strategy{"random": NewRandom(1), "pct3": NewPCT(3, 1), "dfs": NewDFS()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var steps int64
			rep := Explore(context.Background(), Options{Strategy: s, Budget: b.N}, setup3x20, func(r *Result) bool {
				steps += r.Steps
				return true
			})
			b.ReportMetric(float64(steps)/float64(rep.Executions), "steps/op")
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
