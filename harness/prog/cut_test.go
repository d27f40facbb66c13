package prog

import (
	"reflect"
	"strings"
	"testing"
)

func TestACutRoundTripsWithWhatItKeeps(t *testing.T) {
	built := New(Write("f", 0, 4*KiB, 'o'), Cut().Keeping(KeepSome, 0), Read("f", 0, 4*KiB).OneOf(".o")).Witness(WritesLost(2))
	for _, keep := range []Keep{KeepNothing, KeepSome, KeepOldest, KeepNewest} {
		p := built
		p.Ops = append([]Op{}, built.Ops...)
		p.Ops[1] = Cut().Keeping(keep, map[bool]int64{true: 3}[keep >= KeepOldest])
		again, err := Parse(p.String())
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("%s\nread back as %#v, %v", p, again, err)
		}
	}
}

func TestACutStandsOnceInMainAndEndsWhatRan(t *testing.T) {
	for text, want := range map[string]string{
		"cut\ncut\n":                             "op 1: a program cuts the power once",
		"go t: cut\n":                            "op 1: cut stands in main",
		"go t {\n  fsync f\n  cut\n}\n":          "op 2: cut stands in main",
		"repeat 2 {\n  cut\n}\n":                 "op 1: cut stands in main",
		"go t: fsync f\ncut\njoin t\n":           "op 3: join t: the power cut has ended that task",
		"go t: fsync f\ncut\nawait blocked t\n":  "op 3: await blocked t: the power cut has ended",
		"aio-write f 0 4k n as a\ncut\nreap a\n": "op 2: reap a: the power cut has ended that request",
		"fsync f\ncut fails EIO\n":               "neither fails nor blocks",
		"fsync f\nwitness lost 1\n":              "the program has no cut",
		"fsync f\ncut\nwitness lost 0\n":         "count \"0\"",
		"cut keeping most\n":                     "want keeping some",
		"cut keeping oldest 0\n":                 "count \"0\"",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	for _, text := range []string{
		"go t: fsync f\ncut\ngo u: fsync f\njoin u\n", "aio-write f 0 4k n as a\nreap a\ncut\n", "cut\nfsync f\n",
	} {
		if _, err := Parse(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAProgramWithoutItsCutHasNothingToLose(t *testing.T) {
	p := New(Write("f", 0, 4*KiB, 'o'), Cut(), Read("f", 0, 4*KiB)).Witness(WritesLost(1))
	without := p.Without(1)
	if err := without.Check(); err != nil || len(without.Witnesses) > 0 {
		t.Errorf("%v:\n%s", err, without)
	}
}
