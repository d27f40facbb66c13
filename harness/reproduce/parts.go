package reproduce

import (
	"slices"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// order is that of the parts in a file; each stands behind what it uses.
func order() []string {
	return []string{"head", "fill", "set_attribute", "files", "check", "tasks", "blocked", "device", "folder", "dm",
		"pieces", "write", "read", "aio", "uring", "reap", "splice", "splice_write", "splice_read", "copy_range", "store", "load", "fsync", "fdatasync",
		"truncate", "fallocate", "size", "clone", "attr", "advise", "resident", "flood", "mlock", "munlock", "pin", "unpin", "fill_disk", "file_limit",
		"drop_caches", "remount", "await_held", "release", "await_blocked", "may_block", "events", "final_remount", "final", "main"}
}

// parts are those that the program needs.
func (w *cFile) parts() []string {
	need := map[string]bool{"head": true, "fill": true, "files": true, "check": true, "tasks": true, "final": true, "main": true}
	w.program.Walk(func(s prog.Step) {
		for _, part := range partsOf(s.Op) {
			need[part] = true
		}
	})
	device := needsDevice(w.program)
	need["device"], need["final_remount"], need["folder"] = device, device, !device
	need["dm"] = usesDisk(w.program)
	need["events"] = len(events(w.program)) > 0
	need["set_attribute"] = need["set_attribute"] || w.c.Attr != ""
	return slices.DeleteFunc(order(), func(name string) bool { return !need[name] })
}

// partsOf are those that an operation needs.
func partsOf(op prog.Op) []string {
	var out []string
	if op.Expect.MayBlock {
		out = append(out, "blocked", "may_block")
	}
	switch op.Verb {
	case prog.VWrite, prog.VDirectWrite:
		out = append(out, "pieces", "write")
	case prog.VRead, prog.VDirectRead:
		out = append(out, "pieces", "read")
	case prog.VAIOWrite, prog.VAIORead:
		out = append(out, "pieces", "aio", "reap")
	case prog.VUringWrite, prog.VUringRead:
		out = append(out, "pieces", "uring", "reap")
	case prog.VSpliceWrite:
		out = append(out, "splice", "splice_write")
	case prog.VSpliceRead:
		out = append(out, "splice", "splice_read")
	case prog.VAttr:
		out = append(out, "set_attribute", "attr")
	case prog.VAwaitBlocked:
		out = append(out, "blocked", "await_blocked")
	default:
		if part, ok := ownPart()[op.Verb]; ok {
			out = append(out, part)
		}
	}
	return out
}

// ownPart are the parts of operations that are made of one.
func ownPart() map[prog.Verb]string {
	return map[prog.Verb]string{
		prog.VReap: "reap", prog.VCopyRange: "copy_range", prog.VStore: "store", prog.VLoad: "load", prog.VFsync: "fsync", prog.VFdatasync: "fdatasync",
		prog.VTruncate: "truncate", prog.VFallocate: "fallocate", prog.VSize: "size", prog.VClone: "clone", prog.VEvict: "advise",
		prog.VReadahead: "advise", prog.VResident: "resident", prog.VFlood: "flood", prog.VMlock: "mlock", prog.VMunlock: "munlock", prog.VPin: "pin",
		prog.VUnpin: "unpin", prog.VFillDisk: "fill_disk", prog.VFileLimit: "file_limit", prog.VDropCaches: "drop_caches", prog.VRemount: "remount",
		prog.VAwaitHeld: "await_held", prog.VRelease: "release",
	}
}

// function is the C function of an operation that is a system call or memory access.
func function(v prog.Verb) string {
	switch v {
	case prog.VWrite, prog.VDirectWrite:
		return "do_write"
	case prog.VRead, prog.VDirectRead:
		return "do_read"
	case prog.VAIOWrite, prog.VAIORead:
		return "do_aio"
	case prog.VUringWrite, prog.VUringRead:
		return "do_uring"
	case prog.VSpliceWrite:
		return "do_splice_write"
	case prog.VSpliceRead:
		return "do_splice_read"
	case prog.VAttr:
		return "do_attr"
	}
	return "do_" + ownPart()[v]
}
