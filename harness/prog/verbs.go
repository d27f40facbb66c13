package prog

import "sync"

// Verb is an operation's name in the text form.
type Verb string

// The verbs.
const (
	VWrite       Verb = "write"
	VRead        Verb = "read"
	VDirectWrite Verb = "direct-write"
	VDirectRead  Verb = "direct-read"
	VAIOWrite    Verb = "aio-write"
	VAIORead     Verb = "aio-read"
	VReap        Verb = "reap"
	VStore       Verb = "store"
	VLoad        Verb = "load"
	VFsync       Verb = "fsync"
	VFdatasync   Verb = "fdatasync"
	VTruncate    Verb = "truncate"
	VFallocate   Verb = "fallocate"
	VSize        Verb = "size"
	VClone       Verb = "clone"
	VAttr        Verb = "attr"
	VEvict       Verb = "evict"
	VReadahead   Verb = "readahead"
	VResident    Verb = "resident"
	VMlock       Verb = "mlock"
	VMunlock     Verb = "munlock"
	VPin         Verb = "pin"
	VUnpin       Verb = "unpin"
	VReclaim     Verb = "reclaim"
	VFillDisk    Verb = "fill-disk"
	VFillQuota   Verb = "fill-quota"
	VFileLimit   Verb = "file-limit"
	VMemoryHigh  Verb = "memory high"
	VMemoryMax   Verb = "memory max"
	VDropCaches  Verb = "drop-caches"
	VRemount     Verb = "remount"

	VHold         Verb = "hold"
	VAwaitHeld    Verb = "await held"
	VAwaitBlocked Verb = "await blocked"
	VRelease      Verb = "release"
	VFail         Verb = "fail"
	VRecord       Verb = "record"

	VGo     Verb = "go"
	VJoin   Verb = "join"
	VRepeat Verb = "repeat"
	VUntil  Verb = "until"
)

// arg is a kind of argument: one token, or a few that belong together.
type arg uint8

const (
	aFile arg = iota
	aOff
	aLen
	aFill
	aMode
	aTask
	aAIO    // as NAME, or NAME for reap
	aCount  // a number, at least 1
	aReqs   // reads, writes, flushes, all, joined by +
	aWhere  // optional FILE OFF LEN
	aErrno  // EIO
	aTimes  // optional times N
	aWhich  // optional oldest N or newest N
	aIn     // optional in FN|FN
	aSwitch // on or off
	aTo     // another file
	aAttr
	aLimit // bytes, or none
	aKeep  // optional keeping some, keeping oldest N or keeping newest N
	aToOff // where in the other file
)

// class says who carries an operation out.
type class uint8

const (
	cData    class = iota // a system call on a file, or memory access
	cControl              // the harness: the disk, waiting
	cFlow                 // blocks and tasks
)

// verbInfo is a row of the language's table.
type verbInfo struct {
	verb  Verb
	class class
	args  []arg
	flags Flags // the flags it takes
	reads bool  // it returns content
	count bool  // success returns its length, and returns may say otherwise
	doc   string
}

// table is the language; the order is that of the manual.
func table() []verbInfo {
	rng := []arg{aFile, aOff, aLen}
	put := []arg{aFile, aOff, aLen, aFill}
	return []verbInfo{
		{VWrite, cData, put, DSync | NoWait | Vectored, false, true, "pwrite(2) through the page cache"},
		{VRead, cData, rng, NoWait | Vectored, true, true, "pread(2) through the page cache"},
		{VDirectWrite, cData, put, DSync | NoWait | Vectored, false, true, "pwrite(2) with O_DIRECT"},
		{VDirectRead, cData, rng, NoWait | Vectored, true, true, "pread(2) with O_DIRECT"},
		{VAIOWrite, cData, append(put, aAIO), DSync | Vectored, false, false, "io_submit(2) of a direct write; returns when submitted"},
		{VAIORead, cData, append(rng, aAIO), Vectored, true, false, "io_submit(2) of a direct read; returns when submitted"},
		{VReap, cData, []arg{aAIO}, 0, true, true, "io_getevents(2), io_uring_enter(2): waits for the request and gives its result"},
		{VUringWrite, cData, append(put, aAIO), DSync | Direct | Vectored, false, false, "io_uring_enter(2) of a write; returns when submitted"},
		{VUringRead, cData, append(rng, aAIO), Direct | Vectored, true, false, "io_uring_enter(2) of a read; returns when submitted"},
		{VSpliceWrite, cData, put, DSync | Direct, false, true, "splice(2) from a pipe that holds the bytes"},
		{VSpliceRead, cData, rng, Direct, true, true, "splice(2) to a pipe, which is then read"},
		{VCopyRange, cData, append(rng, aTo, aToOff), 0, false, true, "copy_file_range(2) to a place in TO"},
		{VStore, cData, put, 0, false, false, "stores through a shared mapping"},
		{VLoad, cData, rng, 0, true, false, "loads through a shared mapping"},
		{VFsync, cData, []arg{aFile}, 0, false, false, "fsync(2)"},
		{VFdatasync, cData, []arg{aFile}, 0, false, false, "fdatasync(2)"},
		{VTruncate, cData, []arg{aFile, aLen}, 0, false, false, "ftruncate(2) to a size"},
		{VFallocate, cData, append(rng, aMode), 0, false, false, "fallocate(2)"},
		{VSize, cData, []arg{aFile}, 0, false, true, "fstat(2): the size, in returns"},
		{VClone, cData, []arg{aFile, aTo}, 0, false, false, "ioctl(2) FICLONE: TO shares FILE's extents"},
		{VAttr, cData, []arg{aFile, aAttr}, 0, false, false, "ioctl(2) FS_IOC_SETFLAGS: jdata, nodatasum or compress; FS_IOC_FSSETXATTR: realtime"},
		{VEvict, cData, rng, 0, false, false, "posix_fadvise(2) DONTNEED"},
		{VReadahead, cData, rng, 0, false, false, "posix_fadvise(2) WILLNEED"},
		{VResident, cData, rng, 0, false, true, "mincore(2): the bytes in the page cache, in returns"},
		{VMlock, cData, rng, 0, false, false, "mlock(2) of the mapping"},
		{VMunlock, cData, rng, 0, false, false, "munlock(2) of the mapping"},
		{VPin, cData, rng, 0, false, false, "vmsplice(2) of the mapping: references to its pages, until unpin"},
		{VUnpin, cData, rng, 0, false, false, "drops what pin of the same range took"},
		{VReclaim, cData, []arg{aLen}, 0, false, true, "memory.reclaim: takes as much from the tasks' cgroup as can be had; what was had, in returns"},
		{VFillDisk, cData, []arg{aLen}, 0, false, false, "fallocate(2) of a hidden file that leaves SIZE bytes free, until the task ends"},
		{VFillQuota, cData, []arg{aLen}, 0, false, false, "quotactl(2): the files' owner, who is not root, may have SIZE bytes more, until the task ends"},
		{VFileLimit, cData, []arg{aLimit}, 0, false, false, "setrlimit(2) RLIMIT_FSIZE: writes of the task end there"},
		{VHog, cData, []arg{aLen}, 0, false, false, "touches anonymous memory, page by page, and gives it back"},
		{VFlood, cData, rng, 0, false, false, "pread(2) of the range through the page cache, only to fill the cache"},
		{VMemoryHigh, cControl, []arg{aLimit}, 0, false, false, "memory.high of the tasks' cgroup: throttles above it"},
		{VMemoryMax, cControl, []arg{aLimit}, 0, false, false, "memory.max of the tasks' cgroup: reclaims, then kills"},
		{VDropCaches, cControl, nil, 0, false, false, "drops every clean folio (vm.drop_caches)"},
		{VRemount, cControl, nil, 0, false, false, "unmounts and mounts again; no other task may run"},
		{VCut, cControl, []arg{aKeep}, 0, false, false, "the power fails: what the disk has not promised is lost; then a new boot and mount"},
		{VHold, cControl, []arg{aReqs, aWhere}, 0, false, false, "the disk holds such requests, of a file range or of any"},
		{VAwaitHeld, cControl, []arg{aCount}, 0, false, false, "waits until so many requests are held"},
		{VAwaitBlocked, cControl, []arg{aTask, aIn}, 0, false, false, "waits until the task sleeps inside an operation"},
		{VRelease, cControl, []arg{aWhich}, 0, false, false, "lets held requests go; without a choice all, and holds no more"},
		{VFail, cControl, []arg{aReqs, aWhere, aErrno, aTimes}, 0, false, false, "the disk answers such requests with an error"},
		{VRecord, cControl, []arg{aSwitch}, 0, false, false, "whether disk requests go into the history (on at the start)"},
		{VGo, cFlow, []arg{aTask}, 0, false, false, "starts a task"},
		{VJoin, cFlow, []arg{aTask}, 0, false, false, "waits until the task has ended"},
		{VRepeat, cFlow, []arg{aCount}, 0, false, false, "runs its block so many times"},
		{VUntil, cFlow, []arg{aTask}, 0, false, false, "runs its block until the task has ended, at least once"},
	}
}

// isOptional says whether the argument may be left out.
func (a arg) isOptional() bool {
	return a == aWhere || a == aTimes || a == aWhich || a == aIn || a == aKeep
}

// byVerb is the table by verb.
var byVerb = sync.OnceValue(func() map[Verb]verbInfo {
	rows := map[Verb]verbInfo{}
	for _, row := range table() {
		rows[row.verb] = row
	}
	return rows
})

// info finds a verb's row.
func (v Verb) info() (verbInfo, bool) {
	row, ok := byVerb()[v]
	return row, ok
}

// IsData says whether the operation is a system call or a memory access, which a kernel (or the engine) carries out.
func (v Verb) IsData() bool { row, ok := v.info(); return ok && row.class == cData }

// Reads says whether the operation returns content. That of an aio-read or uring-read comes with its reap.
func (v Verb) Reads() bool { row, ok := v.info(); return ok && row.reads }

// Mapped says whether the operation goes through a mapping: a page fault, not a system call.
func (v Verb) Mapped() bool { return v == VStore || v == VLoad }

// Direct says whether the operation always bypasses the page cache; see Op.Direct.
func (v Verb) Direct() bool {
	return v == VDirectWrite || v == VDirectRead || v == VAIOWrite || v == VAIORead
}

// Writes says whether the operation puts a fill into the file.
func (v Verb) Writes() bool {
	return v == VWrite || v == VDirectWrite || v == VAIOWrite || v == VStore || v == VUringWrite || v == VSpliceWrite
}

// VerbDoc is a line of the manual: usage and meaning.
type VerbDoc struct{ Usage, Doc string }

// TakesBuffer says whether the operation is given memory, so that via and guard go with it.
func (v Verb) TakesBuffer() bool {
	return v == VWrite || v == VRead || v.Direct() || v.Uring()
}

// States says whether success means a count that has no full length to be compared with: it is free unless returns says
// otherwise.
func (v Verb) States() bool { return v == VSize || v == VResident || v == VReclaim }

// Verbs lists the language, for help texts.
func Verbs() []VerbDoc {
	var docs []VerbDoc
	for _, row := range table() {
		u := string(row.verb)
		for _, a := range row.args {
			u += " " + a.usage(row.verb)
		}
		if row.verb.TakesBuffer() {
			u += " [via FILE OFF|guard N]"
		}
		for _, f := range flagNames() {
			if row.flags&f.flag != 0 {
				u += " [" + f.name + "]"
			}
		}
		docs = append(docs, VerbDoc{u, row.doc})
	}
	return docs
}

// Lines lists the lines of a program that are no operations, for help texts.
func Lines() []VerbDoc {
	return []VerbDoc{
		{"order EVENT before EVENT", "in each operation, and for each folio, every first event is followed by a second one"},
		{"never EVENT", "the kernel event (group:name, or iomapcheck:FUNCTION for a call) does not fire"},
		{"event EVENT [times N]", "it fires at least so often; otherwise the program fails"},
		{"witness event EVENT [times N]", "it fires at least so often; otherwise nothing was shown"},
		{"witness lost N", "the cut lost at least so many writes that the disk had answered"},
		{"witness pressure N", "reclaim took at least so many pages from the tasks' cgroup"},
		{"witness held-while LABEL", "a disk request was held throughout the operation"},
		{"witness blocked LABEL [in FUNCTION|FUNCTION]", "the operation was seen asleep in the kernel"},
	}
}

// usage is the argument as the manual shows it.
func (a arg) usage(v Verb) string {
	switch a {
	case aFile:
		return "FILE"
	case aOff:
		return "OFF"
	case aLen:
		if v == VTruncate || v == VReclaim || v == VFillDisk || v == VFillQuota {
			return "SIZE"
		}
		return "LEN"
	case aFill:
		return "FILL"
	case aMode:
		return "MODE"
	case aTask:
		if v == VGo {
			return "TASK [thread]: OP | {"
		}
		return "TASK"
	case aAIO:
		if v == VReap {
			return "NAME"
		}
		return "as NAME"
	case aCount:
		return "N"
	case aReqs:
		return "reads|writes|flushes|all"
	case aWhere:
		return "[FILE OFF LEN]"
	case aErrno:
		return "ERRNO"
	case aTimes:
		return "[times N]"
	case aWhich:
		return "[oldest N|newest N]"
	case aIn:
		return "[in FUNCTION|FUNCTION]"
	case aTo:
		return "TO"
	case aToOff:
		return "TOOFF"
	case aAttr:
		return "jdata|nodatasum|compress|realtime"
	case aLimit:
		return "SIZE|none"
	case aKeep:
		return "[keeping some|keeping oldest N|keeping newest N]"
	}
	return "on|off"
}

type flagName struct {
	flag Flags
	name string
}

func flagNames() []flagName {
	return []flagName{{DSync, "dsync"}, {NoWait, "nowait"}, {Direct, "direct"}, {Vectored, "vectored"}}
}
