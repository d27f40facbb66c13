package mm

import "hash/crc32"

// Digest returns a hash of what is cached and mapped of the file, for comparing states of one execution. It is not a scheduling point
// and declares nothing.
func (m *Mapping) Digest() uint64 {
	h := uint64(len(m.folios))
	for _, f := range m.folios {
		h = mix(h, uint64(f.Index)<<8|flags(f.uptodate, f.dirty, f.writeback.Count() > 0, f.lock.Locked()))
		h = mix(h, uint64(crc32.ChecksumIEEE(f.Data))<<16|uint64(f.mapped))
	}
	for _, v := range m.vmas {
		for _, e := range v.ptes {
			h = mix(h, uint64(e.i)<<1|flags(e.writable))
		}
	}
	return h
}

func flags(all ...bool) uint64 {
	bits := uint64(0)
	for i, on := range all {
		if on {
			bits |= 1 << i
		}
	}
	return bits
}

// mix adds a value to a hash; the order counts.
func mix(h, v uint64) uint64 {
	h = (h ^ v) * 0x9e3779b97f4a7c15
	return h ^ h>>29
}
