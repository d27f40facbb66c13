package coherence

import "github.com/iomapcheck/iomapcheck/harness/prog"

// A store to a part of a page while a direct write to all of it is in flight: the page stays, with old bytes beside the stored ones.
// That is allowed only if the kernel says so. The judge asks every program for it; in this one there are such bytes.
//
//	page    |s s|o o o o|   the cache, after the store
//	disk    |n n n n n n|   after the direct write: the invalidation fails, EIO from fsync
func staleFolioIsReported() prog.Case {
	const size = 4 * prog.KiB
	c := storeDuringDirectWrite()
	c.ID = "coherence/stale-folio-is-reported"
	c.Rule = "a page that a store made dirty while a direct write to it was in flight keeps old bytes beside the stored ones only if the kernel says so, by its warning and by EIO from fsync"
	c.Variants = []prog.Variant{{Program: prog.New(
		prog.Write("f", 0, size, 'o'), prog.Fsync("f"), prog.DropCaches(),
		prog.Hold(prog.Writes).Of("f", 0, size),
		prog.Go("writer", prog.DirectWrite("f", 0, size, 'n')),
		prog.AwaitHeld(1),
		prog.Store("f", 0, sector, 's').MayBlock().As("store"),
		prog.Release(), prog.Join("writer"),
		prog.Read("f", sector, size-sector).OneOf("no"),
	).Witness(prog.WhileHeld("store"))}}
	return c
}
