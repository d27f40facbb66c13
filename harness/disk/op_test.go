package disk

import "testing"

func TestErrnosAreReadBackFromTheirNames(t *testing.T) {
	for e := range errnos() {
		if got, err := ParseErrno(e.String()); got != e || err != nil {
			t.Errorf("ParseErrno(%q) = %v, %v", e, got, err)
		}
	}
}

func TestWordsThatNameNoErrnoAreRefused(t *testing.T) {
	if _, err := ParseErrno("ENOTBLK"); err == nil {
		t.Error("ParseErrno took ENOTBLK, which no disk can answer")
	}
}

func TestNamesReadLikeTheProgramLanguage(t *testing.T) {
	for want, got := range map[string]string{
		"writes":                  Writes.String(),
		"writes,reads,flushes":    (Reads | Writes | Flushes).String(),
		"all":                     AllOps.String(),
		"data-writes":             DataWrites.String(),
		"none":                    OpSet(0).String(),
		"[0x1000, 0x3000)":        Range{0x1000, 0x3000}.String(),
		"writes in [0x0, 0x1000)": Match{Ops: Writes, Ranges: []Range{{0, 4096}}}.String(),
		"EIO":                     EIO.String(),
		"ok":                      Errno(0).String(),
		"errno(200)":              Errno(200).String(),
		"#3 flush":                Request{ID: 3, Op: OpFlush}.String(),
		"1 power-cut":             Event{Seq: 1, What: PowerCut}.String(),
		"what(99)":                What(99).String(),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
