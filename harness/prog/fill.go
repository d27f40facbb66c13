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

// phase is the amount by which every fill is shifted at file position pos; splitmix64 over the position's 8-byte word, so
// that two different positions agree by chance only.
func phase(pos int64) int {
	z := uint64(pos>>3) + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return int(z >> (8 * uint(pos&7)) & 0xff)
}

// FillByte is the byte that fill f has at file position pos, in bytes from the start of the file. It is never zero.
func FillByte(f Fill, pos int64) byte {
	if f == Zero {
		return 0
	}
	return byte(1 + (f.index()+phase(pos))%255)
}

// FillAt is the fill that byte b at file position pos belongs to: Zero for 0, and ok false for a byte no fill has there
// (misplaced or damaged data).
func FillAt(b byte, pos int64) (f Fill, ok bool) {
	if b == 0 {
		return Zero, true
	}
	i := (int(b) - 1 - phase(pos)%255 + 255) % 255
	if i >= len(fillLetters) {
		return 0, false
	}
	return Fill(fillLetters[i]), true
}

// Paint fills buf, which stands at file position pos, with f.
func Paint(buf []byte, f Fill, pos int64) {
	for i := range buf {
		buf[i] = FillByte(f, pos+int64(i))
	}
}

// Poison fills buf, which stands at file position pos, with bytes that belong to no fill, so that what a read claims to
// have returned but did not write shows as garbage.
func Poison(buf []byte, pos int64) {
	for i := range buf {
		buf[i] = byte(1 + (200+phase(pos+int64(i)))%255)
	}
}
