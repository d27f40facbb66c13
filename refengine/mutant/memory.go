package mutant

// The mutants of the page cache, reclaim, user memory and DAX are numbered from 128.

func memory() []Mutant { return nil }
