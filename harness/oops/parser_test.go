package oops

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// titles returns "kind: title" of every finding, joined.
func titles(findings []Finding) string {
	var out []string
	for _, f := range findings {
		out = append(out, string(f.Kind)+": "+f.Title)
	}
	return strings.Join(out, "; ")
}

// headCase is a first line, and what is found in it alone.
type headCase struct{ line, want string }

// heads are first lines as kernels print them.
func heads() []headCase {
	return []headCase{
		{"Kernel panic - not syncing: Fatal exception in interrupt", "panic: kernel panic: Fatal exception in interrupt"},
		{"Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b", "panic: kernel panic: Attempted to kill init! exitcode=N"},
		{"WARNING: CPU: 1 PID: 77 at fs/iomap/direct-io.c:123 iomap_dio_complete+0x1a/0x200 [iomap]", "warning: WARNING in iomap_dio_complete"},
		{"WARNING: fs/iomap/direct-io.c:123 at iomap_dio_complete.isra.0+0x1a/0x200, CPU#1: xfs_io/77", "warning: WARNING in iomap_dio_complete"},
		{"BUG: KASAN: slab-use-after-free in iomap_dio_complete+0x1a/0x200", "kasan: KASAN: slab-use-after-free in iomap_dio_complete"},
		{"BUG: KFENCE: out-of-bounds read in xfs_foo+0x1a/0x200", "kasan: KFENCE: out-of-bounds read in xfs_foo"},
		{"BUG: KCSAN: data-race in iomap_write_end / iomap_writepages", "kcsan: KCSAN: data-race in iomap_write_end / iomap_writepages"},
		{"UBSAN: array-index-out-of-bounds in fs/xfs/xfs_log.c:123:45", "ubsan: UBSAN: array-index-out-of-bounds"},
		{"WARNING: possible circular locking dependency detected", "lockdep: lockdep: possible circular locking dependency detected"},
		{"WARNING: suspicious RCU usage", "lockdep: lockdep: suspicious RCU usage"},
		{"[ BUG: Invalid wait context ]", "lockdep: lockdep: Invalid wait context"},
		{"watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [xfs_io:77]", "lockup: soft lockup"},
		{"NMI watchdog: Watchdog detected hard LOCKUP on cpu 1", "lockup: hard lockup"},
		{"watchdog: CPU1: Watchdog detected hard LOCKUP on cpu 1", "lockup: hard lockup"},
		{"BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 31s!", "lockup: workqueue lockup"},
		{"rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:", "rcu-stall: rcu stall"},
		{"rcu: INFO: rcu_sched self-detected stall on CPU", "rcu-stall: rcu stall"},
		{"rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 0-...D } 21 jiffies", "rcu-stall: rcu stall"},
		{"INFO: task kworker/u4:1:44 blocked for more than 122 seconds.", "hung-task: hung task"},
		{"INFO: task xfs_io:44 blocked in I/O wait for more than 122 seconds.", "hung-task: hung task"},
		{"BUG: Bad page state in process xfs_io  pfn:12345", "bug: BUG: Bad page state"},
		{"BUG: scheduling while atomic: xfs_io/77/0x00000002", "bug: BUG: scheduling while atomic"},
		{"BUG: sleeping function called from invalid context at mm/filemap.c:12", "bug: BUG: sleeping function called from invalid context"},
		{"general protection fault: 0000 [#1] SMP NOPTI", "oops: general protection fault"},
		{"Oops: general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] PREEMPT SMP", "oops: general protection fault"},
		{"divide error: 0000 [#1] SMP", "oops: divide error"},
		{"Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008", "oops: unable to handle kernel NULL pointer dereference"},
		{"XFS (vdb): Metadata corruption detected at xfs_agf_verify+0x12/0x34 [xfs], xfs_agf block 0x1", "fs-corruption: XFS: metadata corruption in xfs_agf_verify"},
		{"XFS (vdb): Metadata CRC error detected at xfs_agi_read_verify+0xa/0xb [xfs], xfs_agi block 0x2", "fs-corruption: XFS: metadata corruption in xfs_agi_read_verify"},
		{"XFS (vdb): Corruption detected. Unmount and run xfs_repair", "fs-corruption: XFS: Corruption detected. Unmount and run xfs_repair"},
		{"XFS (vdb): Internal error i != 1 at line 123 of file fs/xfs/libxfs/xfs_alloc.c.  Caller xfs_free+0x1/0x2", "fs-corruption: XFS: internal error at fs/xfs/libxfs/xfs_alloc"},
		{"XFS (vdb): Filesystem has been shut down due to log error (0x2).", "fs-shutdown: XFS: Filesystem has been shut down due to log error (N)."},
		{"XFS (vdb): log I/O error -5", "fs-shutdown: XFS: log I/O error -N"},
		{`XFS (vdb): metadata I/O error in "xfs_imap_to_bp+0x1/0x2 [xfs]" at daddr 0x40 len 32 error 5`, "io-error: XFS: metadata I/O error"},
		{"EXT4-fs error (device vdb): ext4_lookup:1855: inode #2: comm ls: deleted inode referenced: 12", "fs-corruption: EXT4-fs error in ext4_lookup"},
		{"EXT4-fs error (device vdb) in ext4_reserve_inode_write:5871: IO failure", "fs-shutdown: EXT4-fs error in ext4_reserve_inode_write"},
		{"EXT4-fs (vdb): Remounting filesystem read-only", "fs-shutdown: EXT4-fs: remounting read-only"},
		{"Aborting journal on device vdb-8.", "fs-shutdown: JBD2: aborting journal"},
		{"BTRFS error (device vdb): bdev /dev/vdb errs: wr 1, rd 0, flush 0, corrupt 0, gen 0", "io-error: BTRFS: device errors"},
		{"BTRFS warning (device vdb): csum failed root 5 ino 257 off 0 csum 0x8941f998 expected csum 0x3a mirror 1", "fs-corruption: BTRFS: csum failed"},
		// As 6.12.117 printed it for an EIO of the disk.
		{"BTRFS warning (device vda): direct IO failed ino 257 op 0x0 offset 0x3000 len 4096 err no 10", "io-error: BTRFS: direct IO failed"},
		{"BTRFS critical (device vdb): corrupt leaf: root=5 block=30 slot=0", "fs-corruption: BTRFS: corrupt leaf: root=N block=N slot=N"},
		{"BTRFS: error (device vdb) in btrfs_commit_transaction:2345: errno=-5 IO failure", "fs-shutdown: BTRFS: error in btrfs_commit_transaction"},
		{"BTRFS error (device vdb state A) in btrfs_run_delayed_refs:2150: errno=-5 IO failure", "fs-shutdown: BTRFS: error in btrfs_run_delayed_refs"},
		{"BTRFS info (device vdb state E): forced readonly", "fs-shutdown: BTRFS: forced read-only"},
		{"gfs2: fsid=vdb.0: fatal: invalid metadata block", "fs-corruption: gfs2: fatal: invalid metadata block"},
		{"gfs2: fsid=vdb.0: about to withdraw this file system", "fs-shutdown: gfs2: about to withdraw"},
		// The forms below are those of the kernel's sources: fs/xfs/xfs_message.c, xfs_fsops.c, fs/ext4/page-io.c, fs/btrfs/disk-io.c,
		// fs/bcachefs/error.c, fs/zonefs/super.c, fs/f2fs/super.c, mm/filemap.c.
		{"XFS (vdb): Assertion failed: ip->i_nblocks == 0, file: fs/xfs/xfs_inode.c, line: 1702", "bug: XFS: assertion failed: ip->i_nblocks == N, file: fs/xfs/xfs_inode.c"},
		{"XFS (vdb): Please unmount the filesystem. Shutting down filesystem.", "fs-shutdown: XFS: Please unmount the filesystem. Shutting down filesystem."},
		{"EXT4-fs warning (device vdb): ext4_end_bio:343: I/O error 10 writing to inode 12 starting block 33792)", "io-error: EXT4-fs: I/O error writing to inode"},
		{"BTRFS error (device vdb): error writing primary super block to device 1", "io-error: BTRFS: a superblock cannot be written"},
		{"bcachefs (vdb): fatal error - emergency read only", "fs-shutdown: bcachefs: emergency read-only"},
		{"bcachefs (vdb inum 4098 offset 0): data write error: I/O", "io-error: bcachefs: I/O error"},
		{"zonefs (vdb) ERROR: Zone 3: type mismatch", "fs-corruption: zonefs: error"},
		{"zonefs (vdb) WARNING: remounting filesystem read-only", "fs-shutdown: zonefs: remounting read-only"},
		{"zonefs (vdb) WARNING: inode 1: invalid size 4096 (should be 0)", "io-error: zonefs: inode N: invalid size N (should be N)"},
		{"F2FS-fs (vdb): Stopped filesystem due to reason: 3", "fs-shutdown: F2FS-fs: stopped"},
		{"F2FS-fs (vdb): Remounting filesystem read-only", "fs-shutdown: F2FS-fs: remounting read-only"},
		{"F2FS-fs (vdb): inconsistent node block, node_type:0, nid:4, node_footer[nid:0,ino:0,ofs:0,cpver:0,blkaddr:0]", "fs-corruption: F2FS-fs: inconsistent node block, node_type:N, nid:N, node_footer[nid:N,ino:N,ofs:N,cpver:N,blkaddr:N]"},
		{"BUG: KFENCE: memory corruption", "kasan: KFENCE: memory corruption"},
		{"gfs2: fsid=vdb.0: fatal: I/O error - block = 24, function = gfs2_ail1_empty_one, file = fs/gfs2/log.c, line = 358", "fs-shutdown: gfs2: fatal: I/O error"},
		{"gfs2: fsid=vdb.0: File system withdrawn", "fs-shutdown: gfs2: withdrawn"},
		{"BTRFS error (device vdb state A): Transaction aborted (error -5)", "fs-shutdown: BTRFS: transaction aborted"},
		{"BTRFS error (device vdb state A): Transaction aborted (error -117)", "fs-corruption: BTRFS: Transaction aborted (error -N)"},
		{"BTRFS: error (device vdb) in btrfs_finish_ordered_io:3000: errno=-117 Filesystem corrupted", "fs-corruption: BTRFS: error in btrfs_finish_ordered_io"},
		{"XFS (vdb): Corruption of in-memory data (0x8) detected at xfs_defer_finish_noroll+0x1/0x2 [xfs] (fs/xfs/libxfs/xfs_defer.c:573).  Shutting down filesystem.", "fs-corruption: XFS: corruption of in-memory data"},
		{"XFS (vdb): SB validate failed with error -5.", "io-error: XFS: the superblock cannot be read"},
		{"XFS (vdb): SB validate failed with error -117.", "fs-corruption: XFS: the superblock is not valid"},
		{"vdb: writeback error on inode 131, offset 0, sector 528", "io-error: writeback error"},
		{"EXT4-fs (vdb): Delayed block allocation failed for inode 12 at logical offset 0 with max blocks 16 with error 28", "fs-corruption: EXT4-fs: delayed allocation failed"},
		{"EXT4-fs (vdb): Delayed block allocation failed for inode 12 at logical offset 0 with max blocks 16 with error 30", "io-error: EXT4-fs: delayed allocation failed"},
		{"traps: PANIC: double fault, error_code: 0x0", "oops: double fault"},
		{"INFO: rcu_tasks detected stalls on tasks:", "rcu-stall: rcu stall"},
		{"VFS: Busy inodes after unmount of vdb. Self-destruct in 5 seconds.  Have a nice day...", "warning: VFS: busy inodes after unmount"},
		{"bcachefs (vdb): inconsistency detected - emergency read only at journal seq 12", "fs-corruption: bcachefs: inconsistency"},
		{"Buffer I/O error on dev vdb, logical block 0, async page read", "io-error: buffer I/O error"},
		{"I/O error, dev vdb, sector 8 op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 2", "io-error: I/O error"},
		{"blk_update_request: I/O error, dev vdb, sector 8 op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 0", "io-error: I/O error"},
		{"blk_update_request: critical space allocation error, dev vdb, sector 8", "io-error: I/O error"},
	}
}

func TestTheFirstLineDecidesTheKindAndTitle(t *testing.T) {
	for _, tt := range heads() {
		for _, prefix := range []string{"", "[    1.234567] ", "<4>[   12.000001][  T123] ", "[    0.000000] [    C1] "} {
			if got := titles(Parse(prefix + tt.line + "\r\n")); got != tt.want {
				t.Errorf("%s%s\ngot  %s\nwant %s", prefix, tt.line, got, tt.want)
			}
		}
	}
}

func TestLinesThatOnlyLookAlarmingAreNoFindings(t *testing.T) {
	for _, line := range []string{
		"INFO: lockdep is turned off.", "BUG: MAX_LOCKDEP_CHAINS too low!", "INFO: NMI handler (perf_event_nmi_handler) took too long to run: 1.2 msecs",
		"clocksource: timekeeping watchdog on CPU0: Marking clocksource 'tsc' as unstable because the skew is too large:",
		"hrtimer: interrupt took 12345678 ns",
		"Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on",
		"WARNING: The mand mount option has been deprecated and",
		"random: crng init done", "BUGS: none", "Linux version 6.12.0", "------------[ cut here ]------------",
		"XFS (vdb): Mounting V5 Filesystem", "XFS (vdb): Ending clean mount",
		"EXT4-fs (vdb): mounted filesystem with ordered data mode", "BTRFS info (device vdb): using crc32c",
		"gfs2: fsid=vdb.0: journal 0 mapped with 1 extents in 0ms",
		"[drm] ERROR: not ours", "", "\xff\xfe\x00", "[", "[    1.2", "<", "[ T1",
	} {
		if got := Parse(line + "\n"); len(got) != 0 {
			t.Errorf("%q: %s", line, titles(got))
		}
	}
}

func TestASecondBannerIsAnUnexpectedRebootAndCutsWhatWasOpen(t *testing.T) {
	got := Parse("Linux version 6.12.0\nBUG: kernel NULL pointer dereference, address: 0\n[    0.000000] Linux version 6.12.0\n")
	if titles(got) != "oops: NULL pointer dereference; reboot: unexpected reboot" || !got[0].Cut || got[1].Severity != Crash {
		t.Fatalf("%s, %+v", titles(got), got)
	}
}

func TestStalePageCacheNamesFileAndTask(t *testing.T) {
	got := Parse("[ 1.000000] Page cache invalidation failure on direct I/O.  Possible data corruption due to collision with buffered I/O!\n" +
		"[    1.000001] File: /mnt/a b PID: 123 Comm: my writer\n")
	if len(got) != 1 || got[0].Kind != StalePageCache || got[0].File != "/mnt/a b" || got[0].PID != 123 || got[0].Comm != "my writer" || got[0].Cut {
		t.Fatalf("%+v", got)
	}
}

func TestInterleavedReportsAreToldApartByTheirCallers(t *testing.T) {
	warn := func(f string) []string {
		return []string{"------------[ cut here ]------------", "WARNING: CPU: 0 PID: 1 at fs/x.c:1 " + f + "+0x1/0x2",
			"RIP: 0010:" + f + "+0x1/0x2", "Call Trace:", " <TASK>", " caller_of_" + f + "+0x1/0x2", " </TASK>", "---[ end trace 0000000000000000 ]---"}
	}
	var text strings.Builder
	a, b := warn("first"), warn("second")
	for i := range a {
		fmt.Fprintf(&text, "[    1.%06d][  T%d] %s\n[    1.%06d][    C1] %s\n", 2*i, 77, a[i], 2*i+1, b[i])
	}
	got := Parse(text.String())
	if titles(got) != "warning: WARNING in first; warning: WARNING in second" || got[1].Frames[0] != "caller_of_second" {
		t.Fatalf("%s", titles(got))
	}
}

func TestAnOopsIsOneFindingAndThePanicAfterItAnother(t *testing.T) {
	got := Parse("BUG: unable to handle page fault for address: ffffc90000000000\n#PF: supervisor read access in kernel mode\n" +
		"Oops: 0000 [#1] PREEMPT SMP\nCPU: 1 UID: 0 PID: 77 Comm: a b Tainted: G W\nRIP: 0010:__memcpy+0x1/0x2\nCall Trace:\n <TASK>\n" +
		" ? stale_guess+0x1/0x2\n iomap_read_inline_data.cold+0x1/0x2\n </TASK>\n---[ end trace 0000000000000000 ]---\n" +
		"RIP: 0010:__memcpy+0x1/0x2\nKernel panic - not syncing: Fatal exception\n")
	if titles(got) != "oops: unable to handle page fault in iomap_read_inline_data; panic: kernel panic: Fatal exception" {
		t.Fatal(titles(got))
	}
	if f := got[0]; f.Comm != "a b" || f.PID != 77 || f.CPU != 1 || f.Cut || !got[1].Cut {
		t.Fatalf("%+v", got)
	}
}

func TestALockdepReportNamesTheLastAcquisitionAndLastsToItsStack(t *testing.T) {
	got := Parse("======================================================\nWARNING: possible circular locking dependency detected\n" +
		"6.12.0 #1 Not tainted\n------------------------------------------------------\nxfs_io/77 is trying to acquire lock:\n" +
		"ff11000001234567 (&mm->mmap_lock){++++}-{4:4}, at: iomap_dio_rw+0x1/0x2\n\nbut task is already holding lock:\n" +
		"ff11000001234567 (&inode->i_rwsem){++++}-{4:4}, at: xfs_ilock+0x1/0x2\n\n-> #1 (&inode->i_rwsem){++++}-{4:4}:\n" +
		"       down_write+0x1/0x2\n       xfs_ilock+0x1/0x2\n\nother info that might help us debug this:\n\nstack backtrace:\n" +
		"CPU: 0 UID: 0 PID: 77 Comm: xfs_io Not tainted 6.12.0 #1\nCall Trace:\n <TASK>\n dump_stack_lvl+0x1/0x2\n iomap_dio_rw+0x1/0x2\n </TASK>\nnext line\n")
	if titles(got) != "lockdep: lockdep: possible circular locking dependency detected in iomap_dio_rw" || got[0].Frames[0] != "dump_stack_lvl" || got[0].Cut {
		t.Fatalf("%s %+v", titles(got), got)
	}
}

func TestASanitizerReportLastsToItsRuler(t *testing.T) {
	ruler := strings.Repeat("=", 66)
	got := Parse(ruler + "\nBUG: KASAN: slab-use-after-free in iomap_dio_complete+0x1/0x2\nRead of size 8 at addr ff11 by task xfs_io/77\n" +
		"\nCPU: 0 UID: 0 PID: 77 Comm: xfs_io\nCall Trace:\n <TASK>\n kasan_report+0x1/0x2\n iomap_dio_complete+0x1/0x2\n </TASK>\n\n" +
		"Allocated by task 77:\n kmalloc+0x1/0x2\n\nMemory state around the buggy address:\n ff11: fa fb\n" + ruler + "\nafter\n")
	if len(got) != 1 || got[0].Lines[len(got[0].Lines)-1] != ruler || got[0].Cut {
		t.Fatalf("%+v", got)
	}
}

func TestAReportThatTheTextCutsOffIsStillFound(t *testing.T) {
	text, err := os.ReadFile("testdata/6.12-warning.txt")
	if err != nil {
		t.Fatal(err)
	}
	start := strings.Index(string(text), "WARNING: CPU")
	end := strings.Index(string(text), "---[ end trace")
	for cut := start + len("WARNING: CPU: 0 PID: 128 at lib/refcount.c:25 refcount_warn_saturate+0x1/0x2"); cut < end; cut += 7 {
		got := Parse(string(text[:cut]))
		if len(got) != 1 || got[0].Kind != Warning {
			t.Fatalf("cut at %d: %s", cut, titles(got))
		}
	}
}

func TestAReportWithoutEndIsBounded(t *testing.T) {
	got := Parse("BUG: unable to handle page fault for address: 0\n" + strings.Repeat(" more\n", 10*maxLines))
	if len(got) != 1 || len(got[0].Lines) != maxLines || !got[0].Cut {
		t.Fatalf("%d findings, %d lines", len(got), len(got[0].Lines))
	}
}

func TestOffsetsPointAtTheFirstLine(t *testing.T) {
	text := "one\r\ntwo\nKernel panic - not syncing: x\nI/O error, dev vdb, sector 1\n"
	for _, f := range Parse(text) {
		if !strings.HasPrefix(text[f.Offset:], f.Lines[0]) {
			t.Errorf("%v: offset %d is at %q", f, f.Offset, text[f.Offset:])
		}
	}
}

func TestSeveritiesAndUnknownValuesPrint(t *testing.T) {
	for want, got := range map[string]string{"info": Info.String(), "warn": Warn.String(), "fs-corruption": FSBroken.String(),
		"crash": Crash.String(), "severity(9)": Severity(9).String()} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// FuzzParser feeds anything. The findings must lie within the text and within the bounds, and reading by lines must find what
// reading as a whole finds.
func FuzzParser(f *testing.F) {
	f.Add("[    1.000000][  T12] BUG: kernel NULL pointer dereference, address: 0\r\nRIP: 0010:a+0x1/0x2\n---[ end trace 0 ]---")
	f.Add("WARNING: possible recursive locking detected\nstack backtrace:\nCall Trace:\n a+0x1/0x2\nx\n")
	f.Add("<4>Linux version 1\nLinux version 2\n\xff\xfe")
	f.Fuzz(func(t *testing.T, text string) {
		found := Parse(text)
		for _, x := range found {
			if x.Title == "" || len(x.Lines) == 0 || len(x.Lines) > maxLines || x.Offset < 0 || x.Offset > int64(len(text)) {
				t.Fatalf("%+v", x)
			}
		}
		p := NewParser()
		var again []Finding
		for line := range strings.Lines(text) {
			if x := p.Line(strings.TrimSuffix(line, "\n")); x != nil {
				again = append(again, *x)
			}
		}
		if got := append(again, p.Close()...); titles(got) != titles(found) {
			t.Fatalf("by lines %s, as a whole %s", titles(got), titles(found))
		}
	})
}
