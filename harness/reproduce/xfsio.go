package reproduce

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// XfsIO writes the program as a shell script with an xfs_io command for each operation: programs of one task, of what xfs_io has. The error is a
// *RefusedError, or that of prog.Program.Check.
func XfsIO(p prog.Program, c Circumstances) (string, error) {
	if err := p.Check(); err != nil {
		return "", err
	}
	w := &script{program: p}
	var body strings.Builder
	for _, s := range p.Steps() {
		line, why := w.line(s)
		if why != "" {
			return "", &RefusedError{As: "xfs_io", What: s.Op.Line(s.N), Why: why}
		}
		fmt.Fprintf(&body, "%s\n", line)
	}
	if c.Fixed {
		return "", &RefusedError{As: "xfs_io", Why: noFiles}
	}
	if c.Attr != "" {
		return "", &RefusedError{As: "xfs_io", What: string(c.Attr), Why: "it gives files no attributes"}
	}
	return w.head(c) + body.String() + scriptEnd, nil
}

// The reasons for which xfs_io refuses.
const (
	noTasks  = "it does one thing after the other"
	noVerb   = "it has no such command"
	noBuffer = "its buffers are its own"
	noCount  = "what its commands return is not compared; write it as C"
)

// script is a shell script in the making.
type script struct{ program prog.Program }

func (w *script) head(c Circumstances) string {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n# Written by iomapcheck.\n#\n#     ./repro.sh DIR     a directory in the file system that is to be tried; as root\n#\n" +
		"# xfs_io writes one byte over and over, the fill's letter: data that land at a wrong offset of a range with the same fill are not seen.\n" +
		"# At the end it says BUG and exits with 1 where a read gave something else, or good and 0.\n#\n")
	for _, line := range c.lines(w.program) {
		b.WriteString(strings.TrimRight("# "+line, " ") + "\n")
	}
	b.WriteString(scriptStart)
	for _, f := range w.program.Files() {
		fmt.Fprintf(&b, ": > %s\n", f)
	}
	return b.String()
}

// scriptStart has what the operations use. Runs of bytes are told as hexadecimal:length, as in 6e:4096.
const scriptStart = `
[ -d "$1" ] || { echo "usage: $0 DIR" >&2; exit 2; }
cd "$1" || exit 2
dir=$PWD bad=0

# runs tells the bytes of xfs_io's hexadecimal dump.
runs() {
	awk '/^[0-9a-f]+: / { n = split(substr($0, 12, 48), b, " "); for (i = 1; i <= n; i++) { if (b[i] "" == last "") count++; else { if (count) printf "%s:%d,", last, count; last = b[i]; count = 1 } } }
		END { if (count) printf "%s:%d\n", last, count; else print "nothing" }'
}

# do_op NUMBER TEXT ARGUMENTS...: an operation that must succeed, where the file system has it.
do_op() {
	echo "$1 $2"; n=$1 text=$2; shift 2
	said=$(xfs_io "$@" 2>&1) && ! echo "$said" | grep -q ': [A-Z].*[a-z]$' && return
	case $said in *'not supported'* | *'nappropriate ioctl'*) echo "could not be arranged: op $n: $text: $said"; exit 2 ;; esac
	echo "BUG: op $n: $text: $said"; bad=1
}

# see NUMBER TEXT WANT ARGUMENTS...: an operation that reads. WANT is runs, or ?BYTES for any of these.
see() {
	n=$1 text=$2 want=$3; shift 3
	got=$(xfs_io "$@" 2>&1 | runs)
	echo "$n $text  => $got"
	case $want in
	'') return ;;
	'?'*) echo "$got" | grep -Eqx "((${want#?}):[0-9]+,?)+" && return ;;
	*) [ "$got" = "$want" ] && return ;;
	esac
	echo "BUG: op $n: $text: read $got, want $want"; bad=1
}

drop() { echo 3 > /proc/sys/vm/drop_caches || exit 2; }

remount() {
	mnt=$(findmnt -no TARGET -T "$dir") src=$(findmnt -no SOURCE -T "$dir") opts=$(findmnt -no OPTIONS -T "$dir") type=$(findmnt -no FSTYPE -T "$dir")
	cd / && umount "$mnt" && mount -t "$type" -o "$opts" "$src" "$mnt" && cd "$dir" || exit 2
}

`

const scriptEnd = `
[ $bad = 0 ] && echo good
exit $bad
`

// line is the operation's command, or why there is none.
func (w *script) line(s prog.Step) (line, why string) {
	op := s.Op
	switch {
	case s.Task != "main", op.Verb == prog.VGo, op.Verb == prog.VUntil, op.Expect.MayBlock:
		return "", noTasks
	case op.Buffer.Kind != prog.Plain, op.Flags&prog.Vectored != 0:
		return "", noBuffer
	case op.Verb == prog.VDropCaches:
		return "drop # " + op.String(), ""
	case op.Verb == prog.VRemount && !op.Expect.MustFail:
		return "remount # " + op.String(), ""
	case op.Expect.Counts != nil && op.Verb != prog.VSize, op.Expect.Errnos != nil:
		return "", noCount
	}
	command := xfsCommand(op, w.program.Extent(op.File))
	if command == "" {
		return "", noVerb
	}
	return command2(s, command), ""
}

// command2 is the line of the script: the helper, what it says, and xfs_io's arguments.
func command2(s prog.Step, command string) string {
	op := s.Op
	if op.Verb == prog.VSize {
		return fmt.Sprintf(`size=$(stat -c %%s %s); echo "%d %s  => $size"%s`, op.File, s.N, op.String(), sizeCheck(s))
	}
	flags := ""
	if op.Direct() {
		flags += "-d "
	}
	file := op.File
	if op.To != "" {
		file = op.To
	}
	if op.Verb.Reads() {
		return fmt.Sprintf("see %d '%s' '%s' %s%s %s", s.N, op.String(), seen(op), flags, command, file)
	}
	return fmt.Sprintf("do_op %d '%s' %s%s %s", s.N, op.String(), flags, command, file)
}

func sizeCheck(s prog.Step) string {
	if s.Op.Expect.Counts == nil {
		return ""
	}
	var tests []string
	for _, n := range s.Op.Expect.Counts {
		tests = append(tests, fmt.Sprintf("[ $size = %d ]", n))
	}
	return fmt.Sprintf(`; %s || { echo "BUG: %s: $size"; bad=1; }`, strings.Join(tests, " || "), s.Op.Line(s.N))
}

// seen is what a read must give, as see takes it.
func seen(op prog.Op) string {
	if op.Expect.OneOf != "" {
		var bytes []string
		for _, f := range op.Expect.OneOf {
			bytes = append(bytes, hex(string(f)))
		}
		return "?" + strings.Join(bytes, "|")
	}
	var runs []string
	for _, r := range op.Expect.Exact {
		n := r.Len
		if n == prog.WholeLen {
			n = op.Len
		}
		runs = append(runs, fmt.Sprintf("%s:%d", hex(r.Fill), n))
	}
	return strings.Join(runs, ",")
}

// hex is the byte that xfs_io writes for a fill.
func hex(fill string) string {
	if fill == prog.Zero.String() {
		return "00"
	}
	return fmt.Sprintf("%02x", fill[0])
}

// xfsCommand are xfs_io's -c arguments for the operation, "" where it has none.
func xfsCommand(op prog.Op, extent int64) string {
	at := fmt.Sprintf("%d %d", op.Off, op.Len)
	flags := ""
	if op.Flags&prog.DSync != 0 {
		flags += " -V 1 -D"
	}
	if op.Flags&prog.NoWait != 0 {
		flags += " -V 1 -N"
	}
	switch op.Verb {
	case prog.VWrite, prog.VDirectWrite:
		return fmt.Sprintf("-c 'pwrite -q%s -b %d -S 0x%s %s'", flags, op.Len, hex(op.Fill.String()), at)
	case prog.VRead, prog.VDirectRead:
		if flags != "" {
			return ""
		}
		return fmt.Sprintf("-c 'pread -v -q -b %d %s'", op.Len, at)
	case prog.VStore:
		return fmt.Sprintf("-c 'mmap -rw 0 %d' -c 'mwrite -S 0x%s %s'", extent, hex(op.Fill.String()), at)
	case prog.VLoad:
		return fmt.Sprintf("-c 'mmap -r 0 %d' -c 'mread -v %s'", extent, at)
	case prog.VTruncate:
		return fmt.Sprintf("-c 'truncate %d'", op.Len)
	case prog.VClone:
		return fmt.Sprintf("-c 'reflink %s'", op.File)
	case prog.VCopyRange:
		return fmt.Sprintf("-c 'copy_range -s %d -d %d -l %d %s'", op.Off, op.ToOff, op.Len, op.File)
	case prog.VEvict:
		return "-c 'fadvise -d " + at + "'"
	case prog.VReadahead:
		return "-c 'fadvise -w " + at + "'"
	case prog.VFallocate:
		return "-c '" + xfsFalloc(op.Mode) + " " + at + "'"
	}
	if slices.Contains([]prog.Verb{prog.VFsync, prog.VFdatasync, prog.VSize}, op.Verb) {
		return "-c " + string(op.Verb)
	}
	return ""
}

func xfsFalloc(m prog.FallocMode) string {
	return map[prog.FallocMode]string{
		prog.FallocAlloc: "falloc", prog.FallocKeep: "falloc -k", prog.FallocPunch: "fpunch", prog.FallocZero: "fzero",
		prog.FallocCollapse: "fcollapse", prog.FallocInsert: "finsert", prog.FallocUnshare: "funshare",
	}[m]
}
