package judge

import (
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// A witness is direct evidence where it shows the program's situation itself: a request that was held meanwhile, a task that slept in a
// function, a write that a power cut took, an event that nothing else causes. That I/O took a path is direct evidence only where the path is the situation:
// where tasks race it does not show that they met.

// pathEvents fire for every I/O of their kind.
func pathEvents() []string {
	return []string{
		"iomapcheck:__iomap_dio_rw", "iomapcheck:dax_iomap_rw", "iomapcheck:do_page_mkwrite", "iomapcheck:vfs_copy_file_range",
		"iomapcheck:iter_file_splice_write", "filemap:mm_filemap_add_to_page_cache", "filemap:mm_filemap_fault", "io_uring:io_uring_complete",
	}
}

// direct says whether a witness that was seen would be direct evidence of the program's situation.
func (r *run) direct(w prog.Witness) bool {
	return w.Kind != prog.EventFired || !slices.Contains(pathEvents(), w.Event) || !r.races()
}

// races says whether the program has operations that run beside each other.
func (r *run) races() bool {
	return slices.ContainsFunc(r.steps, func(s prog.Step) bool { return s.Op.Verb == prog.VGo || s.Op.Expect.MayBlock })
}

// Direct says whether direct evidence was seen of the situation that the program is for. That memory was short is evidence of the
// situation only where it is all that the program asks for.
func (r Result) Direct() bool {
	own := slices.DeleteFunc(slices.Clone(r.Witness), func(w WitnessResult) bool { return w.Witness.Kind == prog.Pressed })
	if len(own) == 0 {
		own = r.Witness
	}
	return slices.ContainsFunc(own, func(w WitnessResult) bool { return w.Seen && w.Direct })
}
