package symbol

import (
	"debug/dwarf"
	"slices"
	"strings"
)

// places returns where the instruction at pc comes from: its own line, and outwards the lines at which the functions around it were
// inlined. Nothing without debug information for it.
func (o *object) places(pc uint64) []Place {
	if o.info == nil {
		return nil
	}
	entries := o.info.Reader()
	unit, err := entries.SeekPC(pc)
	if err != nil {
		return nil
	}
	lines, err := o.info.LineReader(unit)
	if err != nil || lines == nil {
		return nil
	}
	at, ok := lineAt(lines, pc)
	if !ok {
		return nil
	}
	root, _ := unit.Val(dwarf.AttrCompDir).(string)
	result := []Place{{relative(root, at.File.Name), at.Line}}
	calls := o.inlined(entries, pc)
	for _, call := range slices.Backward(calls) {
		if p, ok := callPlace(lines.Files(), root, call); ok {
			result = append(result, p)
		}
	}
	return result
}

// lineAt returns the entry that covers pc. dwarf.LineReader.SeekPC gives up at the first entry behind pc, but the sequences of a unit whose
// functions are in several sections (.text, .text.unlikely, .init.text) are not in order of address.
func lineAt(lines *dwarf.LineReader, pc uint64) (dwarf.LineEntry, bool) {
	var before, e dwarf.LineEntry
	inSequence := false
	for lines.Next(&e) == nil {
		if inSequence && before.Address <= pc && pc < e.Address {
			return before, before.File != nil
		}
		before, inSequence = e, !e.EndSequence
	}
	return dwarf.LineEntry{}, false
}

// inlined returns the inlined functions that pc lies in, outermost first. entries stands behind the unit's own entry.
func (o *object) inlined(entries *dwarf.Reader, pc uint64) []*dwarf.Entry {
	var calls []*dwarf.Entry
	for depth := 0; depth >= 0; {
		e, err := entries.Next()
		if err != nil || e == nil || e.Tag == dwarf.TagCompileUnit {
			return calls
		}
		switch {
		case e.Tag == 0:
			depth--
		case !e.Children && e.Tag != dwarf.TagInlinedSubroutine:
		case o.covers(e, pc):
			if e.Tag == dwarf.TagInlinedSubroutine {
				calls = append(calls, e)
			}
			if e.Children {
				depth++
			}
		case e.Children:
			entries.SkipChildren()
		}
	}
	return calls
}

// covers reports whether pc lies in the code of an entry that is a function or a part of one.
func (o *object) covers(e *dwarf.Entry, pc uint64) bool {
	switch e.Tag {
	case dwarf.TagSubprogram, dwarf.TagInlinedSubroutine, dwarf.TagLexDwarfBlock:
	default:
		return false
	}
	ranges, err := o.info.Ranges(e)
	return err == nil && slices.ContainsFunc(ranges, func(r [2]uint64) bool { return r[0] <= pc && pc < r[1] })
}

// callPlace is where an inlined function was called.
func callPlace(files []*dwarf.LineFile, root string, call *dwarf.Entry) (Place, bool) {
	file, ok := call.Val(dwarf.AttrCallFile).(int64)
	line, okLine := call.Val(dwarf.AttrCallLine).(int64)
	if !ok || !okLine || file < 0 || int(file) >= len(files) || files[file] == nil {
		return Place{}, false
	}
	return Place{relative(root, files[file].Name), int(line)}, true
}

// relative drops the folder of the build from a name.
func relative(root, name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(name, root), "/"), "./")
}
