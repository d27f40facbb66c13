// Package symbol finds the places in the source of what a kernel's stack traces name: file and line, from the debug information of its vmlinux
// and modules where there is any, else the function of a bare address, from System.map.
//
// A trace names a function, an offset, and the function's size. The size is what proves that the debug information is of this very kernel: a
// frame whose function has another size in it stays as it is. Nothing depends on where the kernel was loaded.
package symbol

import (
	"debug/dwarf"
	"fmt"
	"sync"
)

// Place is where an instruction comes from.
type Place struct {
	File string // relative to the folder that the kernel was built in
	Line int
}

// String is FILE:LINE.
func (p Place) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Table knows the functions of one kernel. Its methods may be called from any goroutine.
type Table struct {
	sources Sources

	mu      sync.Mutex
	objects map[string]*object // by module name, "" for the kernel itself; nil for what has no file, or one that cannot be read
}

// Open returns the table of a kernel's sources. Files are read when the first frame needs them: debug information takes as much memory as
// its sections, some hundred MiB for a distribution's kernel.
func Open(sources Sources) *Table {
	return &Table{sources: sources, objects: map[string]*object{}}
}

// object is one file with code. It does not change once it is made.
type object struct {
	functions map[string][]function // by name; static functions can share one
	sorted    []function            // by address
	info      *dwarf.Data           // nil without debug information
}

// function is a function's place in its object.
type function struct {
	name    string
	address uint64
	// size is what the symbol says, 0 if nothing; extent reaches to the next symbol, which is the size that kernels print.
	size, extent uint64
}

// object returns the module's object, or with "" the kernel's; nil if there is none.
func (t *Table) object(module string) *object {
	t.mu.Lock()
	defer t.mu.Unlock()
	o, known := t.objects[module]
	if !known {
		o = t.load(module)
		t.objects[module] = o
	}
	return o
}

// load reads what there is. A file that cannot be read is as good as none: traces are then as the kernel printed them.
func (t *Table) load(module string) *object {
	path := t.sources.Vmlinux
	if module != "" {
		path = t.sources.module(module)
	}
	if path != "" {
		if o, err := readELF(path); err == nil {
			return o
		}
	}
	if module != "" || t.sources.SystemMap == "" {
		return nil
	}
	o, err := readSystemMap(t.sources.SystemMap)
	if err != nil {
		return nil
	}
	return o
}

// padding is how much a printed size may exceed the symbol's: alignment, and room for a patched prologue.
const padding = 64

// find returns the function with this name and printed size, and false if there is none or several.
func (o *object) find(name string, size uint64) (function, bool) {
	var found []function
	for _, f := range o.functions[name] {
		if f.extent == size || f.size != 0 && f.size <= size && size < f.size+padding {
			found = append(found, f)
		}
	}
	if len(found) != 1 {
		return function{}, false
	}
	return found[0], true
}
