package block

import "github.com/iomapcheck/iomapcheck/refengine/sched"

// PageSize is the unit of DirectAccess in bytes.
const PageSize = chunkSize

// DirectAccess returns the page of storage that begins at off, a multiple of PageSize, as memory (dax_direct_access): what is
// stored there is durable at once, and no request, hold or fault sees it. It is for disks of persistent memory.
func (d *Disk) DirectAccess(_ *sched.Task, off int64) []byte {
	d.s.WritesPart(d.contents, off/chunkSize)
	d.power.mapped(off / chunkSize)
	return d.chunk(off)[:]
}
