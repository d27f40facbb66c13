package symbol

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var (
	// reFrame is a function with an offset, its size, and the module that it is in: "xfs_ilock+0x1a/0x200 [xfs]".
	reFrame = regexp.MustCompile(`\b([A-Za-z_][\w.]*)\+0x([0-9a-f]+)/0x([0-9a-f]+)(?: \[([\w-]+)[^\]]*\])?`)
	// reBare is an address that the kernel had no name for (CONFIG_KALLSYMS is not set): in a backtrace, or where it stopped.
	reBare = regexp.MustCompile(`^(\s+(?:\? )?|RIP: 0010:)(?:\[<)?(?:0x)?(f{8}[0-9a-f]{8})(?:>\])?$`)
	// reExact marks lines whose address is that of the instruction itself; all others are return addresses.
	reExact = regexp.MustCompile(`^(RIP: 0010:|pc : |WARNING: )`)
)

// Annotate returns the lines of a report with the places of its functions behind them, as scripts/decode_stacktrace.sh does:
// "iomap_dio_rw+0x1a/0x200 (include/linux/fs.h:12 fs/iomap/direct-io.c:345)", the innermost first where functions were inlined. Bare
// addresses get their function. What is not known stays as it is; a nil Table knows nothing.
func (t *Table) Annotate(lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = line
		if t != nil {
			out[i] = t.annotate(line)
		}
	}
	return out
}

func (t *Table) annotate(line string) string {
	if m := reBare.FindStringSubmatch(line); m != nil {
		line = t.named(line, m[1], m[2])
	}
	m := reFrame.FindStringSubmatch(line)
	if m == nil {
		return line
	}
	places := t.Places(m[0], reExact.MatchString(line))
	if len(places) == 0 {
		return line
	}
	var texts []string
	for _, p := range places {
		texts = append(texts, p.String())
	}
	return line + " (" + strings.Join(texts, " ") + ")"
}

// named spells a bare address as the kernel would have with names.
func (t *Table) named(line, prefix, address string) string {
	o := t.object("")
	a, err := strconv.ParseUint(address, 16, 64)
	if o == nil || err != nil {
		return line
	}
	f, ok := o.at(a)
	if !ok {
		return line
	}
	return fmt.Sprintf("%s%s+%#x/%#x", prefix, f.name, a-f.address, f.extent)
}

// Places returns where a frame, "FUNCTION+0xOFFSET/0xSIZE [MODULE]", comes from, innermost first; nothing if that is not known. exact says that
// the offset is of the instruction itself: a return address is behind the call, and may be of the next line already.
func (t *Table) Places(frame string, exact bool) []Place {
	m := reFrame.FindStringSubmatch(frame)
	if m == nil {
		return nil
	}
	offset, err := strconv.ParseUint(m[2], 16, 64)
	size, errSize := strconv.ParseUint(m[3], 16, 64)
	if err != nil || errSize != nil {
		return nil
	}
	o := t.object(m[4])
	if o == nil {
		return nil
	}
	f, ok := o.find(m[1], size)
	if !ok || offset > size {
		return nil
	}
	pc := f.address + offset
	if !exact && offset > 0 {
		pc--
	}
	return o.places(pc)
}
