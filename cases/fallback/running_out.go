package fallback

import "github.com/iomapcheck/iomapcheck/harness/prog"

// runningOut are the variants of a direct write that finds blocks for its first half and is refused them for the second. From the operation full
// on a write that needs blocks fails with errno.
//
//	file   |oooooooo|········|     nothing is left
//	write  |nnnnnnnn|nnnnnnnn|     → errno, or half of it
func runningOut(full prog.Op, errno string) []prog.Variant {
	const half = whole / 2
	begin := []prog.Op{prog.Write("f", 0, half, 'o'), prog.Fsync("f")}
	// What a write leaves that did not succeed in full: old or new bytes where there were blocks, and nothing where there were none.
	end := func(size int64) []prog.Op {
		return []prog.Op{
			prog.Read("f", 0, half).OneOf("on"), prog.Read("f", half, size-half).Counts(0, size-half).Returns('.'),
			prog.DropCaches(),
			prog.DirectRead("f", 0, half).OneOf("on"),
			prog.Remount(),
			prog.Read("f", 0, half).OneOf("on"), prog.Read("f", half, size-half).Counts(0, size-half).Returns('.'),
		}
	}
	program := func(before []prog.Op, write ...prog.Op) prog.Program {
		ops := append(append(append([]prog.Op{}, begin...), before...), full.As("full"))
		return prog.New(append(append(ops, write...), end(whole)...)...).Witness(direct())
	}
	refused := func(op prog.Op) prog.Op { return op.Counts(half).MayFail(errno).As("write") }
	grow := []prog.Op{prog.Truncate("f", whole)}
	return []prog.Variant{
		{Name: "hole", Program: program(grow, refused(prog.DirectWrite("f", 0, whole, 'n')))},
		{Name: "dsync", Program: program(grow, refused(prog.DirectWrite("f", 0, whole, 'n').With(prog.DSync)))},
		{Name: "aio", Program: program(grow, prog.AIOWrite("w", "f", 0, whole, 'n'), refused(prog.Reap("w")))},
		{Name: "extending", Program: program(nil, refused(prog.DirectWrite("f", 0, whole, 'n')), prog.FileSize("f").Counts(half))},
		// The fallback of a write that shares its block has to copy the block, and has nowhere to put it.
		{Name: "shared", Program: prog.New(
			prog.Write("f", 0, half, 'o'), prog.Fsync("f"), prog.Clone("f", "g"),
			full,
			prog.DirectWrite("f", sector, sector, 'n').MayFail(errno).As("write"),
			prog.Read("f", sector, sector).OneOf("on"),
			prog.Read("f", 2*sector, half-2*sector).Returns('o'),
			prog.Read("g", 0, half).Returns('o'),
			prog.DropCaches(),
			prog.DirectRead("f", 2*sector, half-2*sector).Returns('o'),
			prog.DirectRead("g", 0, half).Returns('o'),
		).Witness(direct())},
	}
}
