package prog

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

var units = []struct {
	suffix string
	bytes  int64
}{{"g", 1 << 30}, {"m", 1 << 20}, {"k", 1 << 10}}

// FormatSize prints a byte count with the largest unit that divides it: 64k, 4097, 2m.
func FormatSize(n int64) string {
	for _, u := range units {
		if n != 0 && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.suffix
		}
	}
	return strconv.FormatInt(n, 10)
}

// ParseSize reads a byte count: 4096, 64k, 0x1000; never negative.
func ParseSize(s string) (int64, error) {
	digits, unit := s, int64(1)
	for _, u := range units {
		if d, ok := strings.CutSuffix(s, u.suffix); ok && !strings.HasPrefix(s, "0x") {
			digits, unit = d, u.bytes
		}
	}
	n, err := strconv.ParseInt(digits, 0, 64)
	if err != nil || n < 0 || strings.HasPrefix(digits, "+") || strings.Contains(digits, "_") {
		return 0, fmt.Errorf("size %q: want bytes as in 4096, 64k, 1m or 0x1000", s)
	}
	if n > math.MaxInt64/unit {
		return 0, fmt.Errorf("size %q: larger than a file can be", s)
	}
	return n * unit, nil
}
