package history

// Formerly are the names that a kernel function had in older kernels, newest first; none for most. Programs and rules speak of today's.
//
// Folios got their functions with 5.16, where pages had them; 5.10 has btrfs' lock_extent_bits, 6.1 has lock_extent.
func Formerly(function string) []string {
	switch function {
	case "folio_wait_writeback":
		return []string{"wait_on_page_writeback"}
	case "folio_wait_bit_common":
		return []string{"wait_on_page_bit_common"}
	case "__folio_lock":
		return []string{"__lock_page"}
	case "folio_unlock":
		return []string{"unlock_page"}
	case "lock_extent":
		return []string{"lock_extent_bits"}
	}
	return nil
}

// Likewise are the functions of file systems that do for themselves what a function does for the others, or did (f2fs before 5.18, through
// buffer heads): their calls are its events. They are in modules that are loaded only where they are tested, or nobody else's.
func Likewise(function string) []string {
	if function == "__iomap_dio_rw" {
		return []string{"bch2_direct_write", "bch2_direct_IO_read", "__blockdev_direct_IO"}
	}
	return nil
}
