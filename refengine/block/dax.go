package block

import "github.com/iomapcheck/iomapcheck/refengine/sched"

// PageSize is the unit of DirectAccess in bytes.
const PageSize = chunkSize

// DirectAccess returns the page of storage that begins at off, a multiple of PageSize, as memory (dax_direct_access): what is
// stored there is durable at once, and no request, hold or fault sees it. It is for disks of persistent memory. The object stands for
// the page in what steps declare: this one counts as writing it, later ones that use the memory declare it themselves.
func (d *Disk) DirectAccess(_ *sched.Task, off int64) ([]byte, sched.ObjID) {
	d.s.WritesPart(d.contents, off/chunkSize)
	d.power.mapped(off / chunkSize)
	return d.chunk(off)[:], sched.Part(d.contents, off/chunkSize)
}
