// Package inside makes cases ordinary tests of an xfstests tree, and is what these tests run.
//
// Install adds one folder, and where the tree wants groups declared (doc/group-names.txt) a line for each that it lacks:
//
//	tests/iomap/
//	    001, 001.out …   a test a case; numbers.txt has their numbers, which never change
//	    case.sh          what all of them do: they run the binary, and make a verdict of its exit status
//	    iomapcheck       the binary, so that the tree stays whole wherever it is copied to ($IOMAPCHECK_PROG is another one)
//	    Makefile         what make and make install do in every folder of tests
//	    group.list       what make would make: check needs no make first
//	    installed        checksums of the above, and what was added to doc/group-names.txt
//
// Uninstall takes exactly that away again. Both refuse a tree that is not as they expect it, and files that they did not make.
//
// # What check sees of a case
//
//	ok, known      the golden output: "Silence is golden"
//	unsupported    _notrun with the reason, if it is so for all variants of the case
//	fail, hang, crash, drift, infra
//	               a paragraph of output, which check shows as a diff: what must hold, what was seen, how to run it again
//	unexercised    the same, unless $IOMAPCHECK_UNEXERCISED is "notrun" or "pass"
//
// $seqres.full has for each variant the verdict, the witness, the history with what was traced, the kernel's log, and the command that runs it again.
//
// # Where a case runs
//
// One that takes the programmable disk runs on a file system made by $MKFS_OPTIONS and mounted by $MOUNT_OPTIONS on it, attached as /dev/nbdN or as a
// loop device (harness/attach), where nobody else sees it; $SCRATCH_DEV is given what the last program left, so that check's fsck
// sees it. Every other one runs in a folder of $TEST_DIR.
//
//	$TIME_FACTOR     how often each variant runs; the limits of time grow with it
//	$LOAD_FACTOR     one less is how many processes keep $TEST_DIR and the page cache busy meanwhile
//	$SOAK_DURATION   seconds for which all variants, those for the night too, run again and again
package inside
