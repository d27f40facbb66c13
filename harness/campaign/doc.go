// Package campaign runs cases on a target, file system by file system, and keeps the evidence: it is what the command line
// and the Ginkgo suite share.
//
// A Unit (case, parameters, file system) becomes a program by the case's rows, the target gives histories, the judge results,
// and the campaign a Verdict with a directory of evidence:
//
//	program.txt    the program in text form, as run
//	history.jsonl  what happened, for machines: the judge can read it again
//	history.txt    the same for people
//	console.txt    the kernel's log
//	verdict.json   the verdict, as printed
//	replay.txt     how to run it again
package campaign
