package coherence

import (
	"fmt"

	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// The application may change its buffer while a direct write from it is in flight. The file then has old or new bytes, but it has them
// for good: a checksum that was made of the one and data that are the other cannot be read any more.
//
//	writer   direct write from a mapping that holds o ─── held on the disk ───┐ done
//	main     …………………………………………… store n to the mapping ………………… release       read, read anew
//
// What a disk holds it has: its bytes are the old ones. The new ones arrive where the request waits before the disk, in the queue of a device
// that has as many under way as it takes at a time.
func bufferModifiedInFlight() prog.Case {
	// QEMU has 16 requests of a disk under way at a time (MAX_NBD_REQUESTS), and takes the bytes of the next one from the guest when it
	// sends it.
	const inQueue, block = 16, 4 * prog.KiB
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
	queued := func(write ...prog.Op) prog.Program {
		ops := []prog.Op{
			prog.Write("f", 0, whole, 'f'), prog.Fsync("f"),
			prog.Write("buffer", 0, whole, 'o'), prog.Fsync("buffer"), prog.Load("buffer", 0, whole),
			prog.Write("g", 0, inQueue*block, 'g'), prog.Fsync("g"),
			prog.Hold(prog.Writes).Of("g", 0, inQueue*block),
		}
		for i := range int64(inQueue) {
			ops = append(ops, prog.AIOWrite(fmt.Sprint("g", i), "g", i*block, block, 'h'))
		}
		ops = append(ops, prog.AwaitHeld(inQueue),
			prog.Go("writer", write...), prog.AwaitBlocked("writer"),
			prog.Store("buffer", 0, whole, 'n').As("modify"),
			prog.Release(), prog.Join("writer"))
		for i := range int64(inQueue) {
			ops = append(ops, prog.Reap(fmt.Sprint("g", i)))
		}
		return prog.New(append(ops,
			prog.Read("f", 0, whole).OneOf("on"), prog.DropCaches(), prog.Read("f", 0, whole).OneOf("on"), prog.DirectRead("f", 0, whole).OneOf("on"),
		)...).Witness(prog.WhileHeld("modify"), prog.SeenBlocked("write", "__iomap_dio_rw", "bch2_direct_write", "do_blockdev_direct_IO"))
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
			{Name: "queued", Program: queued(prog.DirectWrite("f", 0, whole, 'o').Via("buffer", 0).As("write"))},
			{Name: "vectored", Program: program(prog.DirectWrite("f", 0, whole, 'o').Via("buffer", 0).With(prog.Vectored))},
		},
		Rows: []prog.Row{
			rows.Journalled("what is in flight is a copy"),
			rows.Checksummed("what is in flight is a copy"),
			{
				FS: []string{"btrfs/"}, Variants: []string{"queued"}, Target: "vm", Before: "6.15", Known: true, Shows: "crash",
				Why:    "the checksum is that of the old bytes and the disk gets the new ones: \"csum failed\", and every read is EIO from then on; seen on 5.10.262 and 6.1.192",
				Kernel: "btrfs_submit_direct → btrfs_csum_one_bio",
				Commit: "btrfs: always fallback to buffered write if the inode requires checksum",
			},
			{
				Target: "refengine", Variants: []string{"queued"},
				Unsupported: "the engine's disk takes the bytes with the request, and has no queue before it",
				Why:         "what waits before a disk is the machine's affair",
				Kernel:      "virtblk_add_req",
			},
			{
				FS: []string{"gfs2"}, Variants: []string{"queued"}, Target: "vm", Before: "6.12",
				Unsupported: "no two asynchronous writes are in flight: the second one's change of the times takes the glock exclusively, for which direct I/O in flight is awaited; seen on 5.10.262 and 6.1.192",
				Why:         "the glock's state changes with every write",
				Kernel:      "gfs2_dirty_inode → gfs2_glock_nq → inode_go_lock → inode_dio_wait",
			},
			rows.GlockOverFault(),
		},
	}
}
