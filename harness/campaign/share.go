package campaign

import (
	"fmt"

	"github.com/iomapcheck/iomapcheck/harness/judge"
)

// Share counts how well verdicts are witnessed. The zero value is none.
type Share struct {
	// OK are the verdicts ok, Direct those of them with direct evidence of the situation (judge.Result.Direct).
	OK, Direct int
	// Unexercised are those that showed nothing, Tried all but the unsupported ones.
	Unexercised, Tried int
}

// Add counts a verdict.
func (s *Share) Add(v Verdict) {
	switch v.Verdict {
	case judge.Unsupported:
		return
	case judge.OK:
		s.OK++
		if v.Direct {
			s.Direct++
		}
	case judge.Unexercised:
		s.Unexercised++
	}
	s.Tried++
}

// String is the shares on one line, "" where nothing was tried.
func (s Share) String() string {
	if s.Tried == 0 {
		return ""
	}
	return fmt.Sprintf("witnessed directly: %s ok, the others by the path that their I/O took; unexercised: %s",
		of(s.Direct, s.OK), of(s.Unexercised, s.Tried))
}

// of is a part of a number, with its percentage.
func of(n, all int) string {
	return fmt.Sprintf("%d of %d (%.1f%%)", n, all, 100*float64(n)/float64(max(1, all)))
}

// ShareOf counts verdicts.
func ShareOf(verdicts []Verdict) Share {
	var s Share
	for _, v := range verdicts {
		s.Add(v)
	}
	return s
}
