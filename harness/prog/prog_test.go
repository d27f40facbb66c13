package prog

import (
	"reflect"
	"strings"
	"testing"
)

const everything = `write f 0 64k o dsync
fsync f
fdatasync f
drop-caches
remount
hold writes f 0 64k
hold reads+flushes
fail writes g 4k 4k EIO times 2
fail all EIO
record off
go writer: direct-write f 0 64k n nowait may-fail EAGAIN @dio
go other thread {
  store f 0 4k s
  load f 0 4k = s
}
repeat 3 {
  until writer {
    read f 0 64k ? n|o|s|.
  }
}
aio-read f 0 64k as r
reap r = o:4k,n:60k
aio-write g 4k 4k x as w dsync
reap w returns 4k|0
await held 1
await blocked writer in inode_dio_wait|folio_wait_bit_common
read f 0 64k ? n|o may-block @refill
release oldest 1
release newest 2
release @rel
truncate f 0 before 64 later writer not-before rel
fallocate f 0 4k punch-hole fails EOPNOTSUPP
size f returns 0
direct-read f 0 512 nowait fails EINVAL|EAGAIN
join writer
direct-write f 0 64k n via g 256k nowait returns 16k may-fail EFAULT
read f 0 64k guard 0 may-fail EFAULT|SIGKILL
aio-read g 0 8k as v via f 0
aio-write g 4k 8k x as u guard 4k dsync
clone f h
uring-write f 0 64k n as q dsync direct
uring-read f 0 4k as z via g 0 vectored
reap z = n
splice-write f 0 64k n dsync
splice-read f 0 64k direct = n
copy-range f 0 64k g 256k returns 4k|64k
write f 0 64k n vectored
attr h jdata
evict f 0 64k
readahead f 0 64k
resident f 0 64k returns 0|64k
mlock f 0 4k
munlock f 0 4k
pin f 0 64k
unpin f 0 64k
memory high 8m
memory max none
reclaim 1m
hog 8m
flood f 0 64k
fill-disk 64k
fill-quota 64k
file-limit none
write f 0 4k n nowait may-fail EAGAIN
cut keeping newest 2
order iomapcheck:gfs2_iomap_put_folio before iomapcheck:folio_unlock
never iomap:iomap_dio_invalidate_fail
event oom:mark_victim
event oom:mark_victim times 2
witness held-while refill
witness blocked dio in inode_dio_wait
witness event iomap:iomap_dio_invalidate_fail times 2
witness lost 3
witness pressure 7
`

func TestTextRoundTripsEveryOperation(t *testing.T) {
	p, err := Parse(everything)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.String(); got != everything {
		t.Errorf("printed differently:\n%s", diffLines(everything, got))
	}
	for _, row := range table() {
		if !strings.Contains(everything, string(row.verb)) {
			t.Errorf("the text does not try %s", row.verb)
		}
	}
}

func diffLines(a, b string) string {
	var out strings.Builder
	al, bl := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range max(len(al), len(bl)) {
		if i >= len(al) || i >= len(bl) || al[i] != bl[i] {
			out.WriteString("- " + at(al, i) + "\n+ " + at(bl, i) + "\n")
		}
	}
	return out.String()
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

func TestBuilderAndTextAgree(t *testing.T) {
	built := New(
		Write("f", 0, 64*KiB, 'o'), Hold(Writes).Of("f", 0, 64*KiB),
		Go("writer", DirectWrite("f", 0, 64*KiB, 'n')),
		AwaitHeld(1),
		Read("f", 0, 64*KiB).OneOf("on").MayBlock().As("refill"),
		Release(), Join("writer"), Read("f", 0, 64*KiB).Returns('n'),
	).Witness(WhileHeld("refill"))
	parsed, err := Parse(built.String())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(parsed, built) {
		t.Errorf("parsed %#v\nbuilt %#v", parsed, built)
	}
}

func TestErrorsNameTheLineAndTheMend(t *testing.T) {
	for text, want := range map[string]string{
		"wirte f 0 4k o":                       "no operation is called wirte",
		"write f 0 4k":                         "want FILL",
		"write f 0 4k oo":                      "want one letter or digit",
		"write f 0 0 o":                        "of no bytes",
		"write f 63m 2m o":                     "largest file",
		"write f 0 4q o":                       "want bytes as in",
		"read f 0 4k = n:4k,o":                 "every run of a list needs its length",
		"go w {\nfsync f":                      "not closed",
		"}":                                    "closes a block",
		"go w: repeat 2 {\nfsync f\n}":         "wants a block",
		"join w":                               "no other task",
		"reap r":                               "submits no request",
		"fsync f @a\nfsync f @a":               "given twice",
		"fsync f\nwitness held-while x":        "no operation has that label",
		"fsync f\nwitness maybe x":             "want held-while, blocked, lost, pressure or event",
		"fsync f\nwitness event x":             "want group:name",
		"write f 0 4k o = o":                   "returns no content",
		"truncate f 0 returns 0":               "returns no count",
		"hold all may-block":                   "harness's own",
		"repeat 2 {\nread f 0 4k may-block\n}": "overtake itself",
		"repeat 0 {\nfsync f\n}":               "from 1",
		"until main {\nfsync f\n}":             "no other task",
		"fsync f before 3 later x":             "no such task",
		"fsync f not-before x":                 "no operation has that label",
		"release fast":                         "do not understand",
		"":                                     "no operation",
		"fail writes 7":                        "want a name such as EINVAL",
		"fsync f via g 0":                      "has no buffer",
		"copy-range f 0 8k f 4k":               "overlap",
		"copy-range f 0 4k g 4k":               "multiple of that",
		"copy-range f 0 4k g 64m":              "largest file",
		"uring-read f 0 4k as r = o":           "returns no content",
		"store f 0 4k n vectored":              "do not understand",
		"write f 0 4k o via g 4k":              "multiple of that",
		"write f 0 4k o via g":                 "size",
		"write f 0 4k o via g 64m":             "largest file",
		"write f 0 4k o via g 0 guard 0":       "one buffer",
		"write f 0 4k o guard 4k":              "below the length 4k",
		"write f 0 8k o guard 512":             "multiple of 4k",
		"clone f f":                            "want two files",
		"clone f":                              "want TO",
		"attr f blue":                          "want one of [jdata nodatasum compress realtime]",
		"memory low 4k":                        "no operation is called memory",
		"memory max 512":                       "needs 4k for itself",
		"memory max lots":                      "or none",
		"reclaim 0":                            "of no bytes",
		"hog 0":                                "of no bytes",
		"fsync f\nwitness pressure 0":          "from 1",
		"resident f 0 0":                       "of no bytes",
		"mlock f 0 4k = o":                     "returns no content",
		"fsync f\norder a:b":                   "order GROUP:NAME before GROUP:NAME",
		"fsync f\norder a:b before a:b":        "before itself",
		"fsync f\norder a before a:b":          "iomapcheck:FUNCTION",
		"fsync f\nnever a:b times 2":           "want never GROUP:NAME",
		"fsync f\nevent a:b times 0":           "from 1",
		"go w {\nnever a:b\n}":                 "outside of blocks",
	} {
		_, err := Parse(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want …%s…", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: the error has more than one line: %v", text, err)
		}
	}
}

func FuzzParseRoundTrips(f *testing.F) {
	f.Add(everything)
	for _, line := range strings.Split(everything, "\n") {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(p.String())
		if err != nil {
			t.Fatalf("printed form is refused: %v\n%s", err, p)
		}
		if !reflect.DeepEqual(p, again) {
			t.Fatalf("round trip changed the program:\n%s\n%s", p, again)
		}
	})
}

func TestFillsTellPositionsApart(t *testing.T) {
	buf := make([]byte, 64*KiB)
	Paint(buf, 'n', 4096)
	if got := Describe(buf, 4096).String(); got != "n:64k" {
		t.Errorf("in place: %s", got)
	}
	if got := Describe(buf, 8192); !strings.HasPrefix(got.String(), "!:64k") {
		t.Errorf("misplaced by a page: %s, want garbage", got)
	}
	buf[100] = 0
	Paint(buf[200:300], 'o', 4296)
	if got := Describe(buf, 4096).String(); got != "n:100,.:1,n:99,o:100,n:65236" {
		t.Errorf("mixed: %s", got)
	}
	buf[1000] ^= 0x80
	got := Describe(buf, 4096)
	var bad int64
	for _, r := range got {
		if r.Fill != "n" && r.Fill != "o" && r.Fill != "." {
			bad += r.Len
		}
	}
	if bad != 1 {
		t.Errorf("one damaged byte shows as %d: %s", bad, got)
	}
}

func TestNoFillIsEverZeroAndAllAreDistinct(t *testing.T) {
	for pos := int64(0); pos < 4096; pos++ {
		seen := map[byte]bool{}
		for _, c := range fillLetters {
			b := FillByte(Fill(c), pos)
			if b == 0 || seen[b] {
				t.Fatalf("fill %c at %d: byte %#x is zero or taken", c, pos, b)
			}
			seen[b] = true
			if f, ok := FillAt(b, pos); !ok || f != Fill(c) {
				t.Fatalf("fill %c at %d reads back as %v, %v", c, pos, f, ok)
			}
		}
	}
}

func TestRowReplacesOnlyWhatItNames(t *testing.T) {
	p := New(Read("f", 0, 4*KiB).OneOf("on").As("refill"), Go("w", Fsync("f").As("inner")))
	out, err := Row{Expect: map[string]Expect{"inner": {MayBlock: true}}, Witnesses: []Witness{SeenBlocked("inner")}}.Apply(p)
	if err != nil {
		t.Fatal(err)
	}
	want := "read f 0 4k ? o|n @refill\ngo w: fsync f may-block @inner\nwitness blocked inner\n"
	if out.String() != want {
		t.Errorf("got\n%s", out)
	}
	if p.Ops[1].Body[0].Expect.MayBlock {
		t.Error("the original changed")
	}
	if _, err := (Row{Why: "x", Expect: map[string]Expect{"nowhere": {}}}).Apply(p); err == nil {
		t.Error("a label that the program lacks was accepted")
	}
}

func TestPoisonIsGarbageEverywhere(t *testing.T) {
	buf := make([]byte, 4096)
	Poison(buf)
	if got := Describe(buf, 0); len(got) != 1 || got[0].Fill != Garbage {
		t.Errorf("poison reads as %s", got)
	}
}

func BenchmarkPaintAndDescribe64k(b *testing.B) {
	buf := make([]byte, 64*KiB)
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		Paint(buf, 'n', 0)
		if Describe(buf, 0).Len() != 64*KiB {
			b.Fatal("not described")
		}
	}
}
