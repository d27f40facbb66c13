package disk

import (
	"errors"
	"testing"
)

// page is the n-th 4 KiB of the disk.
func page(n int64) int64 { return n * 4096 }

// reconnect gives the disk of s a new client, as a machine that boots again does.
func reconnect(t *testing.T, s *served) *served { return serve(t, s.Disk) }

func TestACutKeepsWhatWasFlushedOrFUAAndForgetsTheRest(t *testing.T) {
	s := serve(t, New(1<<20, EnableCut()))
	ok(t,
		s.write(page(0), fill('a', 4096)), // flushed
		s.flush(),
		s.write(page(1), fill('b', 4096)),    // answered, not flushed: lost
		s.writeFUA(page(2), fill('c', 4096)), // FUA
		s.trim(page(0), 4096))                // not flushed: lost
	lost, err := s.Cut()
	ok(t, err)
	if len(lost) != 2 || lost[0].Range.Off != page(1) || lost[1].Op != OpTrim {
		t.Fatalf("lost %v", lost)
	}
	s = reconnect(t, s)
	s.expect(t, page(0), fill('a', 4096))
	s.expect(t, page(1), fill(0, 4096))
	s.expect(t, page(2), fill('c', 4096))
}

func TestAFlushMakesDurableWhatWasAnsweredBeforeItArrivedOnly(t *testing.T) {
	s := serve(t, New(1<<20, EnableCut()))
	ok(t, s.write(page(0), fill('a', 4096)))
	s.Hold(Match{Ops: Flushes})
	f := s.flushAsync()
	mustAwait(t, s.Disk, 1)
	ok(t, s.write(page(1), fill('b', 4096)))
	s.Release(All())
	ok(t, f.wait())
	_, err := s.Cut()
	ok(t, err)
	s = reconnect(t, s)
	s.expect(t, page(0), fill('a', 4096))
	s.expect(t, page(1), fill(0, 4096))
}

func TestAFlushThatFailsOrIsHeldMakesNothingDurable(t *testing.T) {
	for name, prepare := range map[string]func(*served){
		"failed": func(s *served) { s.Fail(Match{Ops: Flushes}, EIO, 1); _ = s.flush() },
		"held":   func(s *served) { s.Hold(Match{Ops: Flushes}); s.flushAsync(); mustAwait(t, s.Disk, 1) },
		"none":   func(*served) {},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, New(1<<20, EnableCut()))
			ok(t, s.write(0, fill('a', 4096)))
			prepare(s)
			_, err := s.Cut()
			ok(t, err)
			reconnect(t, s).expect(t, 0, fill(0, 4096))
		})
	}
}

func TestAnOlderUnflushedWriteDoesNotComeBackOverAFUAWrite(t *testing.T) {
	s := serve(t, New(1<<20, EnableCut()))
	ok(t,
		s.write(0, fill('a', 4096)),
		s.writeFUA(0, fill('b', 512)),
		s.flush())
	_, err := s.Cut()
	ok(t, err)
	reconnect(t, s).expect(t, 0, append(fill('b', 512), fill('a', 4096-512)...))
}

func TestACutAnswersESHUTDOWNToHeldRequestsAndToTheOldMachine(t *testing.T) {
	s := serve(t, New(1<<20, EnableCut()))
	s.Hold(Match{Ops: Writes})
	w := s.send(1, 1, 0, 4096, fill('a', 4096)) // FUA, but never answered
	mustAwait(t, s.Disk, 1)
	_, err := s.Cut()
	ok(t, err)
	if err := w.wait(); !hasErrno(err, ESHUTDOWN) {
		t.Errorf("the held write: %v, want ESHUTDOWN", err)
	}
	if err := s.writeFUA(0, fill('z', 4096)); !hasErrno(err, ESHUTDOWN) {
		t.Errorf("a write of the old machine: %v, want ESHUTDOWN", err)
	}
	s = reconnect(t, s)
	s.expect(t, 0, fill(0, 4096))
	ok(t, s.write(0, fill('n', 4096))) // the hold is over
}

func TestWhatRestoreAndWriteAtPutThereIsDurable(t *testing.T) {
	s := serve(t, New(1<<20, EnableCut()))
	ok(t, s.write(0, fill('a', 4096)))
	image := s.Snapshot()
	ok(t, s.write(0, fill('b', 4096)), s.Restore(image))
	_, err := s.WriteAt(fill('c', 512), page(1))
	ok(t, err)
	lost, err := s.Cut()
	ok(t, err)
	if len(lost) != 0 {
		t.Fatalf("lost %v, want nothing: Restore forgets what was not flushed", lost)
	}
	s = reconnect(t, s)
	s.expect(t, 0, fill('a', 4096))
	s.expect(t, page(1), fill('c', 512))
}

func TestCutNeedsADiskThatWasMadeForIt(t *testing.T) {
	d := New(1 << 20)
	if _, err := d.Cut(); !errors.Is(err, ErrNoCut) {
		t.Fatalf("%v, want ErrNoCut", err)
	}
	d.Close()
	if _, err := d.Cut(); !errors.Is(err, ErrClosed) {
		t.Fatalf("%v, want ErrClosed", err)
	}
}

func TestACutKeepsTheVolatileWritesThatItIsTold(t *testing.T) {
	s := serve(t, New(1<<20))
	ok(t, s.write(page(0), fill('0', 4096)))
	s.TrackPower(true) // what is there is durable
	ok(t,
		s.write(page(1), fill('a', 4096)),
		s.writeFUA(page(2), fill('b', 4096)),
		s.write(page(3), fill('c', 4096)),
		s.write(page(1), fill('d', 4096)))
	lost, err := s.CutKeeping(func(n, of int) bool {
		if of != 3 {
			t.Errorf("asked for %d of %d volatile writes, want 3", n, of)
		}
		return n == 0
	})
	ok(t, err)
	if len(lost) != 2 || lost[0].Range.Off != page(3) || lost[1].Range.Off != page(1) {
		t.Errorf("lost %v", lost)
	}
	s = reconnect(t, s)
	s.expect(t, page(0), fill('0', 4096))
	s.expect(t, page(1), fill('a', 4096))
	s.expect(t, page(2), fill('b', 4096))
	s.expect(t, page(3), fill(0, 4096))
}

func TestADiskThatLiesAboutAFlushLosesWhatWasPromised(t *testing.T) {
	s := serve(t, New(1<<20, EnableCut()))
	s.LoseFlushes(1)
	ok(t, s.write(page(0), fill('a', 4096)), s.flush())
	lost, err := s.Cut()
	ok(t, err)
	if len(lost) != 1 {
		t.Errorf("lost %v, want the write whose flush was answered and not carried out", lost)
	}
}

func TestAPatternFillsEveryByteAndIsCopiedBeforeAChange(t *testing.T) {
	image := Filled(3*chunkSize+512, 0xff)
	a, b := New(image.Size()), New(image.Size())
	ok(t, a.Restore(image), b.Restore(image))
	sa, sb := serve(t, a), serve(t, b)
	ok(t, sa.write(page(1), fill('a', 4096)))
	sa.expect(t, page(0), fill(0xff, 4096))
	sa.expect(t, page(1), fill('a', 4096))
	sa.expect(t, 3*chunkSize, fill(0xff, 512))
	sb.expect(t, page(1), fill(0xff, 4096))
}
