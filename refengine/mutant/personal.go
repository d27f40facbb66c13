package mutant

// The mutants of single filesystems are numbered from 192.

func personal() []Mutant { return nil }
