package symbol

import (
	"bufio"
	"debug/elf"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// readELF reads the functions and, if there is any, the debug information of vmlinux or a module.
func readELF(path string) (*object, error) {
	file, err := elf.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read symbols: %w", err)
	}
	defer file.Close()
	symbols, err := file.Symbols()
	if err != nil {
		return nil, fmt.Errorf("read symbols of %s: %w", path, err)
	}
	var functions []function
	for _, s := range symbols {
		if inText(file, s) {
			functions = append(functions, function{name: s.Name, address: s.Value, size: s.Size})
		}
	}
	o := newObject(functions)
	if file.Section(".debug_info") == nil && file.Section(".zdebug_info") == nil {
		return o, nil
	}
	if o.info, err = file.DWARF(); err != nil {
		return nil, fmt.Errorf("read debug information of %s: %w", path, err)
	}
	return o, nil
}

// inText reports whether a symbol is a label of code. A module's sections have no addresses yet and overlap: only .text counts there, in
// which nearly everything is.
func inText(file *elf.File, s elf.Symbol) bool {
	kind := elf.ST_TYPE(s.Info)
	if s.Name == "" || int(s.Section) >= len(file.Sections) || kind != elf.STT_FUNC && kind != elf.STT_NOTYPE {
		return false
	}
	section := file.Sections[s.Section]
	if file.Type == elf.ET_REL {
		return section.Name == ".text"
	}
	return section.Flags&elf.SHF_EXECINSTR != 0
}

// readSystemMap reads lines of "ffffffff81000000 T _text".
func readSystemMap(path string) (*object, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read symbols: %w", err)
	}
	defer file.Close()
	var functions []function
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 3 || !strings.ContainsAny(fields[1], "tTwW") {
			continue
		}
		if address, err := strconv.ParseUint(fields[0], 16, 64); err == nil {
			functions = append(functions, function{name: fields[2], address: address})
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read symbols of %s: %w", path, err)
	}
	return newObject(functions), nil
}

// newObject sorts functions and finds how far each reaches.
func newObject(functions []function) *object {
	slices.SortStableFunc(functions, func(a, b function) int {
		switch {
		case a.address < b.address:
			return -1
		case a.address > b.address:
			return 1
		}
		return 0
	})
	next := uint64(0)
	for i := len(functions) - 1; i >= 0; i-- {
		f := &functions[i]
		if i+1 < len(functions) && functions[i+1].address > f.address {
			next = functions[i+1].address
		}
		if next > f.address {
			f.extent = next - f.address
		}
	}
	o := &object{functions: map[string][]function{}, sorted: functions}
	for _, f := range functions {
		o.functions[f.name] = append(o.functions[f.name], f)
	}
	return o
}

// at returns the function that an address lies in.
func (o *object) at(address uint64) (function, bool) {
	i, exact := slices.BinarySearchFunc(o.sorted, address, func(f function, address uint64) int {
		switch {
		case f.address < address:
			return -1
		case f.address > address:
			return 1
		}
		return 0
	})
	if !exact {
		i--
	}
	if i < 0 || address-o.sorted[i].address >= o.sorted[i].extent {
		return function{}, false
	}
	return o.sorted[i], true
}
