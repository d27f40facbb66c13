package judge

import (
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/history"
)

func TestErrnosThatAreInternalToTheKernelNeverComeOut(t *testing.T) {
	fails := func(errno string) func(*scene) {
		return func(s *scene) { e := s.event(history.Return, 5); e.Errno, e.N = errno, 0 }
	}
	vary(t, postWriteScene, []variation{
		{"ENOTBLK", fails("ENOTBLK"), "fail errno-leak: op 5: direct-write f 0 64k n: returned ENOTBLK, which must not leave the kernel"},
		{"EREMCHG", fails("EREMCHG"), "fail errno-leak: op 5: …"},
		{"ERESTARTSYS", fails("ERESTARTSYS"), "fail errno-leak: op 5: …"},
		{"by number", fails("E529"), "fail errno-leak: op 5: …"},
		{"by number in words", fails("errno 512"), "fail errno-leak: op 5: …"},
		{"just outside", fails("E532"), "fail errno: op 5: direct-write f 0 64k n: failed with E532, want success"},
		{"after the run", func(s *scene) { s.path(history.FinalDirect, func(e *history.Event) { e.Errno = "EIOCBQUEUED" }) },
			"fail errno-leak: finally f, direct: returned EIOCBQUEUED, which must not leave the kernel"},
		{"even where an ordinary errno came first", func(s *scene) { s.event(history.Return, 0).Errno = "EIO"; fails("ENOTBLK")(s) },
			"fail errno-leak: op 5: …"},
	})
	s := stage(t, "direct-write f 0 4k n may-fail ENOTBLK\n")
	s.do(0, "ENOTBLK")
	s.finally("f", ".:0")
	s.want("fail errno-leak: op 0: …")
}

func TestOperationsSucceedUnlessTheProgramSaysOtherwise(t *testing.T) {
	build := func(t *testing.T) *scene {
		s := stage(t, "write f 0 4k o may-fail ENOSPC\ndirect-read f 0 512 fails EINVAL|EAGAIN\naio-write f 4k 4k x as w may-fail EAGAIN\nreap w\nfsync f\nremount\nhold writes\n")
		s.sequence(0)
		s.do(1, "EINVAL")
		s.sequence(2)
		s.do(3, "4k")
		s.sequence(4, 5, 6)
		s.finally("f", "o:4k,x:4k")
		return s
	}
	fails := func(op int, errno string) func(*scene) {
		return func(s *scene) { e := s.event(history.Return, op); e.Errno, e.N, e.Data = errno, 0, nil }
	}
	vary(t, build, []variation{
		{"must succeed", fails(4, "EIO"), "fail errno: op 4: fsync f: failed with EIO, want success"},
		{"may fail", func(s *scene) { fails(0, "ENOSPC")(s); s.reads("", ".:4k,x:4k") }, "ok"},
		{"may fail otherwise only", fails(0, "EIO"), "fail errno: op 0: write f 0 4k o may-fail ENOSPC: failed with EIO, want success or ENOSPC"},
		{"must fail", func(s *scene) {
			e := s.event(history.Return, 1)
			e.Errno, e.N, e.Data = "", 512, content(t, "o:512")
		}, "fail errno: op 1: direct-read f 0 512 fails EINVAL|EAGAIN: succeeded, want EINVAL or EAGAIN"},
		{"must fail so", fails(1, "EIO"), "fail errno: op 1: direct-read f 0 512 fails EINVAL|EAGAIN: failed with EIO, want EINVAL or EAGAIN"},
		{"reap", fails(3, "EIO"), "fail errno: op 3: reap w: failed with EIO, want success"},
		{"nothing to reap", func(s *scene) { fails(2, "EAGAIN")(s); fails(3, "ENOENT")(s); s.reads("", "o:4k") }, "ok"},
		{"remount is the kernel's", fails(5, "EBUSY"), "fail errno: op 5: remount: failed with EBUSY, want success"},
		{"hold is ours", fails(6, "EPIPE"), "infra errno: op 6: hold writes: the harness's own operation failed with EPIPE"},
		{"no direct I/O any more", func(s *scene) {
			s.path(history.FinalDirect, func(e *history.Event) { e.Errno, e.N, e.Data = "EINVAL", 0, nil })
		}, "fail errno: finally f, direct: failed with EINVAL, want success"},
		{"direct I/O broken", func(s *scene) {
			s.path(history.FinalDirect, func(e *history.Event) { e.Errno, e.N, e.Data = "EIO", 0, nil })
		}, "fail errno: finally f, direct: failed with EIO, want success"},
		{"EINVAL of another path", func(s *scene) {
			s.path(history.FinalDropped, func(e *history.Event) { e.Errno, e.N, e.Data = "EINVAL", 0, nil })
		}, "fail errno: finally f, buffered after drop-caches: failed with EINVAL, want success"},
		{"fsync in the end", func(s *scene) { s.path(history.FinalSync, func(e *history.Event) { e.Errno = "EIO" }) },
			"fail errno: finally f, fsync: failed with EIO, want success"},
	})
}

func TestErrorsThatTheProgramInjectsAreNoFailureAfterwards(t *testing.T) {
	build := func(fault string) func(*testing.T) *scene {
		return func(t *testing.T) *scene {
			s := stage(t, "write f 0 4k o\nfsync f\n"+fault+"\nwrite f 0 4k n\nfsync f may-fail EIO\n")
			s.sequence(0, 1, 2, 3)
			s.do(4, "EIO")
			s.finally("f", "n:4k")
			return s
		}
	}
	vary(t, build("fail writes EIO"), []variation{
		{"an fsync may tell again", func(s *scene) { s.path(history.FinalSync, func(e *history.Event) { e.Errno = "EIO" }) }, "ok"},
		{"old data may come back", func(s *scene) { s.reads(history.FinalDropped, "o:4k") }, "ok"},
		{"other data may not", func(s *scene) { s.reads(history.FinalDropped, "x:4k") },
			"fail coherence: finally f, buffered after drop-caches: bytes [0x0, 0x1000) are x, want zeros or n or o"},
	})
	vary(t, build("fail reads EIO"), []variation{
		{"old data may not come back", func(s *scene) { s.reads(history.FinalDropped, "o:4k") },
			"fail coherence: finally f, buffered after drop-caches: bytes [0x0, 0x1000) are o, want n"},
	})
}

func TestInjectedErrorsOfOneFileExcuseNoOther(t *testing.T) {
	s := stage(t, "write f 0 4k o\nwrite g 0 4k o\nfail writes g 0 4k EIO\n")
	s.sequence(0, 1, 2)
	s.finally("f", "o:4k")
	s.finally("g", "o:4k")
	s.path(history.FinalDropped, func(e *history.Event) {
		if e.File == "g" {
			e.Data = content(t, ".:4k")
		}
	})
	s.want("ok")
	s.reads(history.FinalDropped, ".:4k")
	s.want("fail coherence: finally f, buffered after drop-caches: bytes [0x0, 0x1000) are zeros, want o")
}

func TestCountsAreFullUnlessTheProgramSaysOtherwise(t *testing.T) {
	build := func(t *testing.T) *scene {
		s := stage(t, "write f 0 4k o\nread f 0 64k returns 4k|0 = o\nsize f returns 4k\naio-read f 0 4k as r\nreap r = o\nload f 0 4k = o\n")
		s.sequence(0)
		s.do(1, "o:4k")
		s.do(2, "4k")
		s.do(3, "0")
		s.do(4, "o:4k")
		s.do(5, "o:4k")
		s.finally("f", "o:4k")
		return s
	}
	returns := func(op int, text string) func(*scene) {
		return func(s *scene) {
			e := s.event(history.Return, op)
			if e.Data = nil; op == 0 || op == 2 {
				e.N = size(s.t, text)
				return
			}
			e.Data = content(s.t, "o:"+text)
			e.N = e.Data.Len()
		}
	}
	vary(t, build, []variation{
		{"short write", returns(0, "2k"), "fail count: op 0: write f 0 4k o: returned 2k, want 4k"},
		{"more than asked for", returns(0, "8k"), "fail count: op 0: write f 0 4k o: returned 8k, want 4k"},
		{"more than asked for, though the program has it", func(s *scene) {
			s.p.Ops[1].Expect.Counts = append(s.p.Ops[1].Expect.Counts, 128<<10)
			returns(1, "128k")(s)
		}, "fail count: op 1: …"},
		{"read of another length", returns(1, "2k"), "fail count: op 1: read f 0 64k = o returns 4k|0: returned 2k, want 4k or 0"},
		{"size", returns(2, "8k"), "fail count: op 2: size f returns 4k: returned 8k, want 4k"},
		{"short reap", returns(4, "512"), "fail count: op 4: reap r = o: returned 512, want 4k"},
		{"short load", returns(5, "512"), "fail count: op 5: load f 0 4k = o: returned 512, want 4k"},
		{"allowed, but not explained", returns(1, "0"), "fail coherence: op 1: read f 0 64k = o returns 4k|0: returned 0 of 64k at 0x0, although the size is 4k"},
	})
}

func TestContentsAreWhatTheProgramSays(t *testing.T) {
	build := func(t *testing.T) *scene {
		s := stage(t, "write f 0 64k o\nwrite f 8k 4k n\nread f 4k 16k = o:4k,n:4k,o:8k\nread f 0 64k ? o|n\nrepeat 2 {\nload f 8k 4k = n\n}\n")
		s.sequence(0, 1)
		s.do(2, "o:4k,n:4k,o:8k")
		s.do(3, "o:8k,n:4k,o:52k")
		for i := range 2 {
			s.invoke(5, i)
			s.ret(5, i, "n:4k")
		}
		s.finally("f", "o:8k,n:4k,o:52k")
		return s
	}
	returns := func(op int, text string) func(*scene) {
		return func(s *scene) { s.event(history.Return, op).Data = content(s.t, text) }
	}
	vary(t, build, []variation{
		{"exact", returns(2, "o:4k,n:3k,o:9k"), "fail coherence: op 2: read f 4k 16k = o:4k,n:4k,o:8k: bytes [0x2c00, 0x3000) are o, want n"},
		{"exact, split runs are equal", returns(2, "o:1k,o:3k,n:4k,o:8k"), "ok"},
		{"exact, garbage", returns(2, "o:4k,!:1k,n:3k,o:8k"), "fail coherence: op 2: read f 4k 16k = o:4k,n:4k,o:8k: bytes [0x2000, 0x2400) are of no fill (deadbeef…), want n"},
		{"one of", returns(3, "o:8k,x:512,n:3584,o:52k"), "fail coherence: op 3: read f 0 64k ? o|n: bytes [0x2000, 0x2200) are x, want o or n"},
		{"one of, but not legal there", returns(3, "o:12k,o:52k"), "fail coherence: op 3: read f 0 64k ? o|n: bytes [0x2000, 0x3000) are o, want n"},
		{"in a loop", func(s *scene) {
			for i := range s.h.Events {
				if e := &s.h.Events[i]; e.Kind == history.Return && e.Op == 5 && e.Iter == 1 {
					e.Data = content(t, ".:4k")
				}
			}
		}, "fail coherence: op 5: load f 8k 4k = n: iteration 2: bytes [0x2000, 0x3000) are zeros, want n"},
	})
}

func TestOperationReturnsNotBeforeTheOneItWaitsFor(t *testing.T) {
	vary(t, truncateScene, []variation{
		{"before", func(s *scene) {
			s.drop(func(e history.Event) bool { return e.Kind == history.Return && e.Op == 9 })
			s.h.Events = append(s.h.Events[:19:19], append([]history.Event{{Kind: history.Return, Task: "trunc", Op: 9, Time: 190}}, s.h.Events[19:]...)...)
		}, "fail order: op 9: truncate f 0 not-before go-on @truncate: returned before op 11: release @go-on began"},
		{"never", func(s *scene) {
			s.drop(func(e history.Event) bool { return e.Kind != history.Final && e.Op >= 11 })
		}, "fail order: op 9: truncate f 0 not-before go-on @truncate: returned although op 11: release @go-on never began"},
	})
}

func TestProgressIsCountedInLaterOperations(t *testing.T) {
	scene := func(t *testing.T, overtaking int) *scene {
		s := stage(t, "write f 0 4k o\ngo writer {\nuntil trunc {\ndirect-write f 0 4k n\n}\n}\ngo trunc: truncate f 0 before 3 later writer\njoin trunc\njoin writer\n")
		s.sequence(0, 1)
		s.invoke(3, 0) // began before truncate did: does not count
		s.do(4, "")
		s.begin(5)
		s.ret(3, 0, "")
		for i := 1; i <= overtaking; i++ {
			s.invoke(3, i)
			s.ret(3, i, "")
		}
		s.invoke(3, 90) // returns after truncate did: does not count
		s.end(5, "")
		s.ret(3, 90, "")
		s.sequence(6, 7)
		s.finally("f", "n:4k")
		return s
	}
	scene(t, 2).want("ok")
	scene(t, 3).want("fail progress: op 5: truncate f 0 before 3 later writer: 3 later operations of writer returned before it did, want fewer than 3")
}
