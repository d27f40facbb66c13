package main

import (
	"errors"
	"testing"

	"github.com/iomapcheck/iomapcheck/cases"
	grid "github.com/iomapcheck/iomapcheck/ci/matrix"
	kept "github.com/iomapcheck/iomapcheck/ci/report"
	"github.com/iomapcheck/iomapcheck/harness/campaign"
	"github.com/iomapcheck/iomapcheck/harness/judge"
	"github.com/iomapcheck/iomapcheck/harness/runs"
)

func TestACellThatCannotBeHadIsTheSameCellAsWhenItCould(t *testing.T) {
	f := &ciFlags{}
	for spec, ran := range map[string]campaign.Verdict{
		"refengine:6.12": {Target: "refengine", Kernel: "6.12"},
		"debian:6.12":    {Target: "vm", Kernel: "6.12.117+deb13-amd64", KernelSpec: "debian:6.12"},
	} {
		kernels, err := f.kernelsOf([]grid.Cell{{Kernel: spec, FS: "xfs", Theme: "regress", Pressure: "none"}}, grid.Level{Quick: true, Budget: 1})
		if err != nil {
			t.Fatal(err)
		}
		lost := kernels[0].unavailable(0, errors.New("no space left on device"))
		if lost.Verdict != judge.Infra || lost.Text != "no space left on device" {
			t.Errorf("%s: verdict %s: %s", spec, lost.Verdict, lost.Text)
		}
		ran.Case, ran.Parameters, ran.FS, ran.Variant, ran.Verdict = lost.Case, lost.Parameters, lost.FS, lost.Variant, judge.OK
		report := kept.Build([]runs.Run{{Verdicts: []campaign.Verdict{ran}}, {Verdicts: []campaign.Verdict{lost}}}, cases.Catalogue())
		if len(report.Cells) != 1 {
			t.Errorf("%s: cells %+v and %+v, want one", spec, report.Cells[0].Key, report.Cells[1].Key)
		}
	}
}
