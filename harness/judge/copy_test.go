package judge

import "testing"

// A copy of the middle of one file into another, which stands 256k further on there.
func TestACopyCarriesWhatItsSourceMayHaveHeldAndNoMoreThanItsCount(t *testing.T) {
	for _, c := range []struct{ count, read, want string }{
		{"8k", "t:4k,n:4k,o:4k,t:4k", "ok"},
		{"4k", "t:4k,n:4k,t:8k", "fail count: op 2: copy-range f 4k 8k g 260k: returned 4k, want 8k"},
		{"8k", "t:4k,o:8k,t:4k", "fail coherence: op 3: read g 256k 16k: bytes [0x41000, 0x42000) are o, want n"},
		{"8k", "t:4k,n:4k,o:8k", "fail coherence: op 3: read g 256k 16k: bytes [0x43000, 0x44000) are o, want t"},
		{"8k", "t:16k", "fail coherence: op 3: read g 256k 16k: bytes [0x41000, 0x42000) are t, want n"},
	} {
		s := stage(t, "write f 0 8k n\nwrite f 8k 8k o\ncopy-range f 4k 8k g 260k\nread g 256k 16k\nwrite g 256k 16k t\n")
		s.sequence(4, 0, 1)
		s.do(2, c.count)
		s.do(3, c.read)
		s.finally("f", "n:8k,o:8k")
		s.finally("g", ".:256k,"+c.read)
		s.want(c.want)
	}
}

func TestASplicedReadIsJudgedLikeAnyOther(t *testing.T) {
	for read, want := range map[string]string{
		"n:8k":      "ok",
		"n:4k,.:4k": "fail coherence: op 1: splice-read f 0 8k: bytes [0x1000, 0x2000) are zeros, want n",
		"n:4k":      "fail count: op 1: splice-read f 0 8k: returned 4k, want 8k",
	} {
		s := stage(t, "splice-write f 0 8k n\nsplice-read f 0 8k\n")
		s.sequence(0)
		s.do(1, read)
		s.finally("f", "n:8k")
		s.want(want)
	}
}
