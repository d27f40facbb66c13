// Package runs is the runs that are kept, to be read again by reports: a directory each, with
//
//	run.json         what was run, when, and by which iomapcheck
//	verdicts.jsonl   the verdicts as they came, one JSON object a line: also those without evidence, such as unsupported
//	TARGET~KERNEL~…  the evidence, a directory a verdict (package campaign)
//
// A run that was interrupted has the verdicts up to there. Directories without the two files, from an iomapcheck that did not write
// them, are read by their evidence. Runs of one name, such as the shards of a night, are read as one.
package runs
