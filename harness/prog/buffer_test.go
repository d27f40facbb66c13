package prog

import (
	"reflect"
	"testing"
)

func TestBufferAndMemoryOperationsAreBuiltAsTheyRead(t *testing.T) {
	built := New(
		Write("g", 256*KiB, 64*KiB, 'n'), Clone("g", "h"), SetAttr("h", AttrCompress),
		DirectWrite("f", 0, 64*KiB, 'n').Via("g", 256*KiB), Read("f", 0, 8*KiB).Guard(4*KiB).Counts(4*KiB),
		Evict("f", 0, KiB), Readahead("f", 0, KiB), Resident("f", 0, KiB).Counts(0),
		Mlock("f", 0, KiB), Munlock("f", 0, KiB), Pin("f", 0, KiB), Unpin("f", 0, KiB),
		MemoryHigh(8*MiB), MemoryMax(NoLimit), Reclaim(MiB),
	).Require(InOrder("a:b", "c:d"), NeverFires("e:f"), MustFire("g:h", 3))
	parsed, err := Parse(built.String())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(parsed, built) {
		t.Errorf("parsed %#v\nbuilt %#v", parsed, built)
	}
	if got := built.Events(); !reflect.DeepEqual(got, []string{"a:b", "c:d", "e:f", "g:h"}) {
		t.Errorf("events %v", got)
	}
	if !built.LimitsMemory() || New(Fsync("f")).LimitsMemory() {
		t.Error("whether memory is limited is not seen")
	}
}

func TestFilesAndExtentsCountBuffersAndClones(t *testing.T) {
	p := New(Write("f", 0, 4*KiB, 'o').Via("g", 512*KiB))
	if got := p.Files(); !reflect.DeepEqual(got, []string{"f", "g"}) {
		t.Errorf("files %v", got)
	}
	if f, g := p.Extent("f"), p.Extent("g"); f != 4*KiB || g != 516*KiB {
		t.Errorf("extents %d and %d", f, g)
	}
	p.Ops = append(p.Ops, Clone("g", "h"))
	if h := p.Extent("h"); h != 516*KiB {
		t.Errorf("a clone's extent is %d", h)
	}
}

func TestFillsRepeatAfterThePeriodAndNotBefore(t *testing.T) {
	a, b := make([]byte, 64), make([]byte, 64)
	Paint(a, 'n', 96)
	if Paint(b, 'n', 96+Period); !reflect.DeepEqual(a, b) {
		t.Error("a fill differs from itself a period on")
	}
	for shift := int64(32); shift < Period; shift *= 2 {
		if Paint(b, 'n', 96+shift); reflect.DeepEqual(a, b) {
			t.Errorf("a fill is the same %d bytes on", shift)
		}
	}
}

func TestARowReplacesTheRulesAboutEvents(t *testing.T) {
	p := New(Fsync("f")).Require(NeverFires("a:b"))
	out, err := Row{Rules: []EventRule{}}.Apply(p)
	if err != nil || len(out.Rules) != 0 || len(p.Rules) != 1 {
		t.Errorf("rules %v, %v", out.Rules, err)
	}
}
