package campaign

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/cases"
	"github.com/iomapcheck/iomapcheck/harness/target/model"
)

// BenchmarkCatalogue runs every case on the engine's xfs, from the program to the verdict, 200 executions each at most.
func BenchmarkCatalogue(b *testing.B) {
	units, err := Plan(cases.Catalogue(), Selection{FS: []string{"xfs"}})
	if err != nil {
		b.Fatal(err)
	}
	r := &Runner{Target: model.New(model.Config{Release: "6.12"}), Budget: 200}
	executions := 0
	for b.Loop() {
		for _, u := range units {
			executions += r.Run(b.Context(), u, nil).Executions
		}
	}
	b.ReportMetric(float64(executions)/b.Elapsed().Seconds(), "executions/s")
}
