package oops

// line is a rule for a complaint of one line.
func line(kind Kind, title, head string) rule {
	return rule{kind: kind, head: rx(head), title: title, single: true}
}

// traced is a rule for a complaint that the kernel may print a backtrace behind, at once.
func traced(kind Kind, title, head string) rule {
	return rule{kind: kind, head: rx(head), title: title, followed: true, end: reEndTask}
}

// filesystemRules are the complaints of file systems and of the block layer below them. What a file system does because its device
// failed (it stops, FSShutdown, or tells of it, IOError) is its duty; FSCorruption is what no device answered.
func filesystemRules() []rule {
	var all []rule
	for _, rules := range [][]rule{xfsRules(), ext4Rules(), btrfsRules(), gfs2Rules(), otherRules(), blockRules()} {
		all = append(all, rules...)
	}
	return all
}

// fs/xfs/xfs_error.c, xfs_fsops.c, xfs_log.c, xfs_buf.c; fs/iomap/buffered-io.c tells of writeback.
func xfsRules() []rule {
	return []rule{
		line(FSShutdown, "XFS: $1", `^XFS \(\S+\): (.*(?:[Ll]og I/O [Ee]rror|[Ff]ilesystem has been shut down|User initiated shutdown|Metadata I/O Error).*)`),
		line(FSCorruption, "XFS: metadata corruption in $1", `^XFS \(\S+\): Metadata (?:corruption|CRC error) detected at ([A-Za-z_]\w*)`),
		traced(FSCorruption, "XFS: internal error at $1", `^XFS \(\S+\): Internal error .*? at line \d+ of file (\S+?)\.`),
		traced(FSCorruption, "XFS: corruption of in-memory data", `^XFS \(\S+\): Corruption of in-memory data`),
		line(FSCorruption, "XFS: $1", `^XFS \(\S+\): (Corruption .*|.*[Cc]orruption detected.*)`),
		line(Bug, "XFS: assertion failed: $1", `^XFS(?: \(\S+\))?: Assertion failed: (.*?), line: \d+`),
		line(FSShutdown, "XFS: $1", `^XFS \(\S+\): (.*[Ss]hutting down (?:the )?filesystem.*)`),
		line(IOError, "XFS: a page was discarded", `^XFS \(\S+\): page discard on (?:page|folio)`),
		line(IOError, "XFS: metadata I/O error", `^XFS \(\S+\): metadata I/O error`),
		line(IOError, "XFS: the superblock cannot be read", `^XFS \(\S+\): SB validate failed with error -5`),
		line(FSCorruption, "XFS: the superblock is not valid", `^XFS \(\S+\): SB validate failed with error`),
		line(IOError, "writeback error", `^\S+: writeback error on (?:inode|sector) \d+`),
	}
}

// fs/ext4/super.c, page-io.c, inode.c; fs/jbd2/journal.c. A journal that was aborted, and an I/O error, are no corruption.
func ext4Rules() []rule {
	const head = `^EXT4-fs error \(device \S+\):? (?:in )?([A-Za-z_]\w*)`
	return []rule{
		line(FSShutdown, "EXT4-fs error in $1", head+`.*(?:[Aa]borted journal|[Jj]ournal has aborted|IO [Ff]ailure|[Ii]/?[Oo] error|[Rr]eadonly filesystem|`+
			`(?:[Uu]nable to|[Cc]annot) read|reading directory lblock)`),
		line(FSCorruption, "EXT4-fs error in $1", head),
		line(FSShutdown, "EXT4-fs: remounting read-only", `^EXT4-fs \(\S+\): Remounting filesystem read-only`),
		line(FSShutdown, "JBD2: aborting journal", `^Aborting journal on device `),
		line(IOError, "EXT4-fs: the superblock cannot be written or read", `^EXT4-fs \(\S+\): (?:I/O error while writing superblock|unable to read superblock)`),
		line(IOError, "EXT4-fs: I/O error writing to inode", `^EXT4-fs warning \(device \S+\): ext4_end_bio:\d+: I/O error`),
		line(IOError, "EXT4-fs: delayed allocation failed", `^EXT4-fs \(\S+\): Delayed block allocation failed .* with error (?:5|30)$`),
		line(FSCorruption, "EXT4-fs: delayed allocation failed", `^EXT4-fs \(\S+\): Delayed block allocation failed`),
		line(IOError, "JBD2: I/O error", `^JBD2: (?:I/O error|Detected IO errors|Error -5)`),
	}
}

// fs/btrfs/messages.c, transaction.c, volumes.c, inode.c. errno -117 is EUCLEAN, "Filesystem corrupted".
func btrfsRules() []rule {
	return []rule{
		line(IOError, "BTRFS: device errors", `^BTRFS (?:error|info) \(device [^)]*\): bdev \S+ errs: wr \d+, rd \d+, flush \d+, corrupt 0, gen 0`),
		line(FSCorruption, "BTRFS: device errors", `^BTRFS error \(device [^)]*\): bdev \S+ errs: `),
		line(IOError, "BTRFS: direct IO failed", `^BTRFS warning \(device [^)]*\): direct IO failed`),
		line(IOError, "BTRFS: a superblock cannot be written", `^BTRFS (?:error|warning) \(device [^)]*\): (?:lost super block write|error writing primary super block)`),
		line(FSCorruption, "BTRFS: csum failed", `^BTRFS warning \(device [^)]*\): (?:csum failed|checksum (?:verify failed|error))`),
		line(FSCorruption, "BTRFS: error in $1", `^BTRFS:? error \(device [^)]*\) in ([A-Za-z_]\w*):\d+: errno=-117`),
		line(FSShutdown, "BTRFS: error in $1", `^BTRFS:? error \(device [^)]*\) in ([A-Za-z_]\w*)`),
		line(FSShutdown, "BTRFS: forced read-only", `^BTRFS info \(device [^)]*\): forced readonly`),
		line(FSShutdown, "BTRFS: transaction aborted", `^BTRFS:? (?:error|critical|warning)?.*Transaction aborted \(error -(?:5|30)\)`),
		line(FSCorruption, "BTRFS: $1", `^BTRFS (?:error|critical) \(device [^)]*\): (.*)`),
	}
}

// fs/gfs2/util.c, lops.c, glops.c. A withdrawal ends with a backtrace; how it began is told before, for it may not end.
func gfs2Rules() []rule {
	return []rule{
		line(FSShutdown, "gfs2: fatal: I/O error", `^gfs2: fsid=\S+ fatal: I/O error`),
		line(FSCorruption, "gfs2: $1", `^gfs2: fsid=\S+ (fatal: .*)`),
		line(FSShutdown, "gfs2: about to withdraw", `^gfs2: fsid=\S+ about to withdraw`),
		traced(FSShutdown, "gfs2: withdrawn", `^gfs2: fsid=\S+ .*(?:[Ww]ithdrawn|withdrawing)`),
		line(IOError, "gfs2: the journal cannot be written", `^gfs2: fsid=\S+ Error -?\d+ writing to journal`),
		line(IOError, "gfs2: a glock cannot be synced", `^gfs2: fsid=\S+ Error -?\d+ syncing glock`),
		line(IOError, "gfs2: the superblock cannot be read", `^gfs2: error -?\d+ reading superblock`),
	}
}

// otherRules are those of file systems that have few, and of what they share.
func otherRules() []rule {
	return []rule{
		{kind: StalePageCache, head: rx(`^Page cache invalidation failure on direct I/O`), title: "page cache invalidation failure on direct I/O",
			end: rx(`^File: .* PID: \d+ Comm: `)},
		line(FSCorruption, "bcachefs: inconsistency", `^bcachefs \([^)]*\):? .*inconsisten`),
		line(FSShutdown, "bcachefs: emergency read-only", `^bcachefs \([^)]*\):? .*emergency read.only`),
		line(IOError, "bcachefs: I/O error", `^bcachefs \([^)]*\):? .*(?:I/O error|IO error|(?:read|write) error|error (?:reading|writing)|unable to write)`),
		line(FSCorruption, "zonefs: error", `^zonefs \(\S+\) ERROR`),
		line(FSShutdown, "zonefs: remounting read-only", `^zonefs \(\S+\) WARNING: remounting filesystem read-only`),
		line(IOError, "zonefs: $1", `^zonefs \(\S+\) WARNING: (.*)`),
		line(FSShutdown, "F2FS-fs: stopped", `^F2FS-fs \(\S+\): Stopped filesystem due to reason`),
		line(FSShutdown, "F2FS-fs: remounting read-only", `^F2FS-fs \(\S+\): Remounting filesystem read-only`),
		line(IOError, "F2FS-fs: the superblock cannot be written", `^F2FS-fs \(\S+\): f2fs_commit_super fails`),
		line(FSCorruption, "F2FS-fs: $1", `^F2FS-fs \(\S+\): (.*(?:inconsistent|[Cc]orrupt|run fsck|access invalid|sanity).*)`),
		line(Warning, "VFS: busy inodes after unmount", `^VFS: Busy inodes after unmount`),
	}
}

// block/blk-core.c, fs/buffer.c.
func blockRules() []rule {
	return []rule{
		line(IOError, "buffer I/O error", `^Buffer I/O error on dev`),
		line(IOError, "NVMe: I/O error", `^nvme\S+: I/O Cmd`),
		line(IOError, "I/O error", `^(?:blk_update_request: )?(?:critical [\w ]+|I/O) error, dev `),
	}
}
