package coherence

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// The application may change its buffer while a direct write from it is in flight. The file then has old or new bytes, but it has them
// for good: a checksum that was made of the one and data that are the other cannot be read any more.
//
//	writer   direct write from a mapping that holds o ─── held on the disk ───┐ done
//	main     …………………………………………… store n to the mapping ………………… release       read, read anew
func bufferModifiedInFlight() prog.Case {
	program := func(write ...prog.Op) prog.Program {
		return prog.New(
			prog.Write("f", 0, whole, 'f'), prog.Fsync("f"),
			prog.Write("buffer", 0, whole, 'o'), prog.Fsync("buffer"), prog.Load("buffer", 0, whole),
			prog.Hold(prog.Writes).Of("f", 0, whole),
			prog.Go("writer", write...),
			prog.AwaitHeld(1),
			prog.Store("buffer", 0, whole, 'n').As("modify"),
			prog.Release(), prog.Join("writer"),
			prog.Read("f", 0, whole).OneOf("on"),
			prog.DropCaches(),
			prog.Read("f", 0, whole).OneOf("on"),
			prog.DirectRead("f", 0, whole).OneOf("on"),
		).Witness(prog.WhileHeld("modify"))
	}
	return prog.Case{
		ID:     "coherence/buffer-modified-in-flight",
		Rule:   "a direct write whose buffer is changed while it is in flight leaves old or new bytes, which every later read returns without an error",
		Kernel: "btrfs_submit_chunk → btrfs_csum_one_bio: the checksum is made before the data are sent",
		Source: "btrfs: always fallback to buffered write if the inode requires checksum (6.15); xfstests generic/761",
		Needs:  []string{"disk"},
		Variants: []prog.Variant{
			{Program: program(prog.DirectWrite("f", 0, whole, 'o').Via("buffer", 0))},
			{Name: "aio", Program: program(prog.AIOWrite("w", "f", 0, whole, 'o').Via("buffer", 0), prog.Reap("w"))},
			{Name: "uring", Program: program(prog.UringWrite("w", "f", 0, whole, 'o').Via("buffer", 0).With(prog.Direct), prog.Reap("w"))},
			{Name: "vectored", Program: program(prog.DirectWrite("f", 0, whole, 'o').Via("buffer", 0).With(prog.Vectored))},
		},
		Rows: []prog.Row{
			rows.Journalled("what is in flight is a copy"),
			rows.Checksummed("what is in flight is a copy"),
			rows.GlockOverFault(),
		},
	}
}
