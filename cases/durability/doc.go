// Package durability has the cases of the sixth theme: what the kernel has promised is there after a power cut, and what it has not promised
// is old or new, but nobody else's.
//
// A disk with a write cache loses what it has answered and was not told to flush. So each case also writes something that nobody makes
// durable, and its witness is that the power cut took writes away: otherwise the flush that the rule is about might not have mattered.
//
//	file f   what the rule is about, made durable one way or the other
//	file g   ……………………………………………… direct write x, answered, not flushed
//	disk     ……………………………………………………………………………………… power cut │ f as promised, g old or new
package durability

import (
	"github.com/iomapcheck/iomapcheck/cases/rows"
	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// Cases lists the theme's cases.
func Cases() []prog.Case {
	return []prog.Case{
		dsyncDirectWrite(), dsyncWrite(), dsyncFallback(), fsyncDirectWrite(), fsyncWrite(), fsyncSize(), fsyncHole(),
		freedBlocks(), unflushedWrites(),
	}
}

// whole is the size of the cases' files: several folios.
const whole = 16 * prog.KiB

// settled is the beginning of every program: both files hold o, and that is durable.
func settled() []prog.Op {
	return []prog.Op{
		prog.Write("f", 0, whole, 'o'), prog.Fsync("f"),
		prog.Write("g", 0, whole, 'o'), prog.Fsync("g"),
	}
}

// fresh is the beginning of programs whose file f is empty.
func fresh() []prog.Op { return []prog.Op{prog.Write("g", 0, whole, 'o'), prog.Fsync("g")} }

// cutAfter is the program that begins in a way, does what the rule is about, has the power cut with something to lose, and looks.
func cutAfter(begin []prog.Op, does []prog.Op, looks ...prog.Op) prog.Program {
	return prog.New(join(begin, does,
		[]prog.Op{prog.DirectWrite("g", 0, whole, 'x'), prog.Cut(), prog.Read("g", 0, whole).OneOf("ox")}, looks)...,
	).Witness(prog.WritesLost(1))
}

func join(parts ...[]prog.Op) []prog.Op {
	var all []prog.Op
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// ops spells a list.
func ops(list ...prog.Op) []prog.Op { return list }

// holds looks for one fill all over f.
func holds(f prog.Fill) prog.Op { return prog.Read("f", 0, whole).Returns(f) }

// journalled is the row of ext4 whose direct writes go to the cache.
func journalled() prog.Row {
	return rows.Journalled("what the power cut is to take away never leaves the cache")
}

// unflushed is the row of gfs2 where only data have changed, which its fsync does not have the disk flush.
func unflushed(variants ...string) prog.Row {
	return prog.Row{
		FS: []string{"gfs2"}, Variants: variants, Target: "vm", Known: true,
		Why: "gfs2_fsync forces the log, and with it the disk's cache, where metadata are dirty, and flushes nothing where only data were " +
			"overwritten: O_DSYNC and fdatasync return while the data are in the disk's cache. Seen on 6.1 and 6.12.117",
		Kernel: "gfs2_fsync, which has no blkdev_issue_flush",
	}
}

// unflushedWhole is unflushed where fsync finds nothing dirty either: a direct write has changed neither size nor times.
func unflushedWhole(variants ...string) prog.Row {
	r := unflushed(variants...)
	r.Since = "6.12"
	r.Why = "gfs2_fsync flushes nothing where no metadata are dirty, and a direct write of what is allocated dirties none: fsync returns " +
		"at once, with the data in the disk's cache. Seen on 6.12.117; on 6.1 the times are dirty, and their transaction flushes"
	return r
}

// flushedTooEarly is the row of f2fs, whose direct write asks for its flush before it has noted that there is anything to flush; before its direct
// I/O went through iomap that was so of asynchronous ones.
func flushedTooEarly(since string, variants ...string) prog.Row {
	return prog.Row{
		FS: []string{"f2fs"}, Variants: variants, Since: since, Known: true,
		Why: "iomap_dio_complete syncs before f2fs_dio_write_iter sets FI_UPDATE_WRITE (with AIO it is never set), and f2fs_do_sync_file flushes the " +
			"disk's cache only where a flag says that data were written: O_DSYNC returns while overwritten data are in the disk's cache. Seen on 5.10.262 (AIO), 6.1.192, 6.12.117, 6.17.13 and 7.2.13",
		Kernel: "f2fs_dio_write_iter, iomap_dio_complete → generic_write_sync → f2fs_do_sync_file: goto out",
	}
}
