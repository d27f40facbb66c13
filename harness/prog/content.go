package prog

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
)

// Run is a stretch of file content with one fill. Bytes of no fill have Fill '!' and their raw form (the first 16) in Raw.
type Run struct {
	Len  int64  `json:"len"`
	Fill string `json:"fill"`
	Raw  string `json:"raw,omitempty"`
}

// Garbage marks a run of bytes that belong to no fill at their position: misplaced, torn inside a unit, or damaged.
const Garbage = "!"

// Content is what a read returned, as runs in order. It prints as n:4k,o:60k, and as a single letter where it is uniform
// only in expectations, since a content also says how long it is.
type Content []Run

// believed is the length, in bytes, from which a run next to garbage is taken for real: by chance 1 in 4^15.
const believed = 16

// Describe turns bytes read at file position pos into runs. A garbage stretch swallows chance hits: next to bytes of no
// fill, a fill counts only where it holds for at least 16 bytes in a row.
func Describe(buf []byte, pos int64) Content {
	var c Content
	for i := 0; i < len(buf); {
		f, n := fillRun(buf[i:], pos+int64(i))
		if n < believed && (c.endsInGarbage() || garbageNearby(buf[i:], pos+int64(i))) {
			c = c.appendGarbage(buf[i : i+n])
		} else {
			c = append(c, Run{Len: int64(n), Fill: f.String()})
		}
		i += n
		for i < len(buf) {
			if _, ok := FillAt(buf[i], pos+int64(i)); ok {
				break
			}
			c = c.appendGarbage(buf[i : i+1])
			i++
		}
	}
	return c.dropEmpty()
}

// fillRun is the fill at the start of buf and how far it goes; zero length where the first byte is of no fill.
func fillRun(buf []byte, pos int64) (Fill, int) {
	f, ok := FillAt(buf[0], pos)
	switch {
	case !ok:
		return f, 0
	case f == Zero:
		return f, zeros(buf)
	}
	return f, matches(buf, f.index(), pos)
}

// zeros is how many zeros buf begins with. Blocks are compared at the speed of memory: most of what is read is zero for pages.
func zeros(buf []byte) int {
	n := 0
	for len(buf)-n >= len(noBytes) && bytes.Equal(buf[n:n+len(noBytes)], noBytes[:]) {
		n += len(noBytes)
	}
	for n < len(buf) && buf[n] == 0 {
		n++
	}
	return n
}

var noBytes [256]byte

// garbageNearby says whether a byte of no fill follows soon: then a short run is taken for a chance hit.
func garbageNearby(buf []byte, pos int64) bool {
	for i := 0; i < len(buf) && i <= believed; i++ {
		if _, ok := FillAt(buf[i], pos+int64(i)); !ok {
			return true
		}
	}
	return false
}

func (c Content) endsInGarbage() bool { return len(c) > 0 && c[len(c)-1].Fill == Garbage }

func (c Content) appendGarbage(b []byte) Content {
	if !c.endsInGarbage() {
		c = append(c, Run{Fill: Garbage})
	}
	last := &c[len(c)-1]
	last.Len += int64(len(b))
	if room := 32 - len(last.Raw); room > 0 {
		last.Raw += hex.EncodeToString(b[:min(len(b), room/2)])
	}
	return c
}

func (c Content) dropEmpty() Content {
	out := c[:0]
	for _, r := range c {
		if r.Len > 0 {
			out = append(out, r)
		}
	}
	return out
}

// Len is the content's length in bytes.
func (c Content) Len() int64 {
	var n int64
	for _, r := range c {
		n += r.Len
	}
	return n
}

// String prints the runs: n:4k,o:60k; garbage with its first bytes: !:512(0a1b…).
func (c Content) String() string {
	if len(c) == 0 {
		return "nothing"
	}
	parts := make([]string, len(c))
	for i, r := range c {
		parts[i] = r.Fill + ":" + FormatSize(r.Len)
		if r.Raw != "" {
			parts[i] += "(" + r.Raw + "…)"
		}
	}
	return strings.Join(parts, ",")
}

// Slice is the part of the content at [off, end), both in bytes from the content's start; short where the content is.
func (c Content) Slice(off, end int64) Content {
	var out Content
	var at int64
	for _, r := range c {
		lo, hi := max(at, off), min(at+r.Len, end)
		if lo < hi {
			out = append(out, Run{Len: hi - lo, Fill: r.Fill, Raw: r.Raw})
		}
		at += r.Len
	}
	return out
}

// ParseContent reads the form that String prints, without raw bytes; a lone letter has length whole.
func ParseContent(s string, whole int64) (Content, error) {
	var c Content
	parts := strings.Split(s, ",")
	for _, p := range parts {
		name, size, sized := strings.Cut(p, ":")
		f, err := ParseFill(name, true)
		if err != nil {
			return nil, err
		}
		n := whole
		if sized {
			if n, err = ParseSize(size); err != nil {
				return nil, err
			}
		} else if len(parts) > 1 {
			return nil, fmt.Errorf("content %q: every run of a list needs its length, as in o:4k,n:60k", s)
		}
		c = append(c, Run{Len: n, Fill: f.String()})
	}
	return c, nil
}

// Equal says whether two contents are the same bytes as far as runs tell.
func (c Content) Equal(d Content) bool {
	return bytes.Equal([]byte(c.normal().String()), []byte(d.normal().String()))
}

// normal joins neighbouring runs of one fill.
func (c Content) normal() Content {
	var out Content
	for _, r := range c {
		if n := len(out); n > 0 && out[n-1].Fill == r.Fill {
			out[n-1].Len += r.Len
			continue
		}
		out = append(out, r)
	}
	return out
}
