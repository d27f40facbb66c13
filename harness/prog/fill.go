package prog

import "fmt"

// Fill is what a write writes: a letter or digit that stands for bytes which differ from position to position.
type Fill byte

// Zero is the fill of holes and of bytes past the end that became part of the file. It is never written by a program.
const Zero Fill = '.'

const fillLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// index is the fill's number, 0 to 61, or -1 where it is no writable fill.
func (f Fill) index() int {
	switch {
	case f >= '0' && f <= '9':
		return int(f - '0')
	case f >= 'A' && f <= 'Z':
		return int(f-'A') + 10
	case f >= 'a' && f <= 'z':
		return int(f-'a') + 36
	}
	return -1
}

// Valid says whether a program may write this fill.
func (f Fill) Valid() bool { return f.index() >= 0 }

// String is the fill as the text form spells it.
func (f Fill) String() string { return string(rune(f)) }

// ParseFill reads a fill; '.' only where zero is allowed.
func ParseFill(s string, zero bool) (Fill, error) {
	if len(s) == 1 && (Fill(s[0]).Valid() || zero && Fill(s[0]) == Zero) {
		return Fill(s[0]), nil
	}
	return 0, fmt.Errorf("fill %q: want one letter or digit%s", s, map[bool]string{true: ", or . for zeros"}[zero])
}

// quarter is the position's part of a byte, 0 to 3: two bits of splitmix64 over the 32-byte group that pos stands in. Bytes
// of one fill thus differ from position to position, so that a few bytes from elsewhere do not pass for those of here.
func quarter(group uint64, pos int64) int { return int(group >> (2 * uint(pos&31)) & 3) }

// Period is after how many bytes a fill repeats itself: data can go from one place to another, through a buffer that is a
// mapping, only over a multiple of it. Data that land at the wrong place by less are seen.
const Period = 256 * KiB

// group is the random word of the 32 bytes around pos.
func group(pos int64) uint64 {
	z := uint64(pos%Period>>5) + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// FillByte is the byte that fill f has at file position pos, in bytes from the start of the file. It is never zero.
func FillByte(f Fill, pos int64) byte {
	if f == Zero {
		return 0
	}
	return bytesOf(f.index())[quarter(group(pos), pos)]
}

// FillAt is the fill that byte b at file position pos belongs to: Zero for 0, and ok false for a byte no fill has there
// (misplaced or damaged data).
func FillAt(b byte, pos int64) (f Fill, ok bool) {
	if b == 0 {
		return Zero, true
	}
	i := int(b) - 1
	if i/len(fillLetters) != quarter(group(pos), pos) {
		return 0, false
	}
	return Fill(fillLetters[i%len(fillLetters)]), true
}

// Paint fills buf, which stands at file position pos, with f.
func Paint(buf []byte, f Fill, pos int64) { paint(buf, f.index(), pos) }

// paint goes group by group, since most of the work is the group's.
func paint(buf []byte, index int, pos int64) {
	v := bytesOf(index)
	for len(buf) > 0 {
		g := group(pos) >> (2 * uint(pos&31))
		part := buf[:min(len(buf), int(32-pos&31))]
		for i := range part {
			part[i] = v[g&3]
			g >>= 2
		}
		buf, pos = buf[len(part):], pos+int64(len(part))
	}
}

// matches is how many bytes at the start of buf are of the fill.
func matches(buf []byte, index int, pos int64) int {
	v, n := bytesOf(index), 0
	for n < len(buf) {
		at := pos + int64(n)
		g := group(at) >> (2 * uint(at&31))
		for _, b := range buf[n:min(len(buf), n+int(32-at&31))] {
			if b != v[g&3] {
				return n
			}
			g >>= 2
			n++
		}
	}
	return n
}

// bytesOf are a fill's bytes by quarter.
func bytesOf(index int) (v [4]byte) {
	for q := range v {
		v[q] = byte(1 + index + len(fillLetters)*q)
	}
	return v
}

// poison is a byte that no fill has anywhere: the largest of a fill is 1+61+3*62 = 248.
const poison = 255

// Poison fills buf with a byte that belongs to no fill, so that what a read claims to have returned but did not write shows as
// garbage.
func Poison(buf []byte) {
	for i := range buf {
		buf[i] = poison
	}
}
