package prog

import (
	"encoding/binary"
	"fmt"
	"sync"
)

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

// lowest are the bytes of the first fill over a period; fill number i has i more at every position, which never carries.
var lowest = sync.OnceValue(func() []byte {
	v, table := bytesOf(0), make([]byte, Period)
	for i := range table {
		table[i] = v[quarter(group(int64(i)), int64(i))]
	}
	return table
})

// ones is 1 in every byte.
const ones = 0x0101010101010101

// paint writes eight bytes at a time.
func paint(buf []byte, index int, pos int64) {
	for len(buf) > 0 {
		from := lowest()[pos%Period:]
		n := min(len(buf), len(from))
		i := 0
		for ; i+8 <= n; i += 8 {
			binary.LittleEndian.PutUint64(buf[i:], binary.LittleEndian.Uint64(from[i:])+uint64(index)*ones)
		}
		for ; i < n; i++ {
			buf[i] = from[i] + byte(index)
		}
		buf, pos = buf[n:], pos+int64(n)
	}
}

// matches is how many bytes at the start of buf are of the fill. It compares eight at a time.
func matches(buf []byte, index int, pos int64) int {
	done := 0
	for done < len(buf) {
		from := lowest()[(pos+int64(done))%Period:]
		part := buf[done:min(len(buf), done+len(from))]
		i := 0
		for i+8 <= len(part) && binary.LittleEndian.Uint64(part[i:]) == binary.LittleEndian.Uint64(from[i:])+uint64(index)*ones {
			i += 8
		}
		for ; i < len(part); i++ {
			if part[i] != from[i]+byte(index) {
				return done + i
			}
		}
		done += len(part)
	}
	return done
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
	if len(buf) == 0 {
		return
	}
	buf[0] = poison
	for n := 1; n < len(buf); n *= 2 {
		copy(buf[n:], buf[:n])
	}
}
