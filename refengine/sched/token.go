package sched

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// run is a choice and how often it was made in a row: task number << 1, or value << 1 | 1 for a data choice. Points at which only
// one task could run are not recorded: they are no choices.
type run struct{ choice, n uint32 }

func (s *Sched) record(choice uint32) {
	if n := len(s.runs); n > 0 && s.runs[n-1].choice == choice {
		s.runs[n-1].n++
		return
	}
	s.runs = append(s.runs, run{choice, 1})
}

// tokenVersion leads every token. A change in the meaning of choices or of the hash needs a new one.
const tokenVersion = "t1"

// formatToken returns t1.<name>.<hash>.<choices>.
func formatToken(name string, hash uint64, runs []run) string {
	var buf []byte
	for _, r := range runs {
		buf = binary.AppendUvarint(buf, uint64(r.choice))
		buf = binary.AppendUvarint(buf, uint64(r.n))
	}
	return fmt.Sprintf("%s.%s.%016x.%s", tokenVersion, tokenName(name), hash, base64.RawURLEncoding.EncodeToString(buf))
}

// tokenName makes a name fit for a token: dots separate its parts.
func tokenName(name string) string { return strings.ReplaceAll(name, ".", "_") }

// TokenName returns the program's name in a token, without checking the rest.
func TokenName(token string) (string, error) {
	name, _, _, err := parseToken(token)
	return name, err
}

func parseToken(token string) (name string, hash uint64, runs []run, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 4 || parts[0] != tokenVersion {
		return "", 0, nil, fmt.Errorf("parse token %q: want %s.<name>.<hash>.<choices>", token, tokenVersion)
	}
	if hash, err = strconv.ParseUint(parts[2], 16, 64); err != nil {
		return "", 0, nil, fmt.Errorf("parse token hash: %w", err)
	}
	buf, err := base64.RawURLEncoding.DecodeString(parts[3])
	if err != nil {
		return "", 0, nil, fmt.Errorf("parse token choices: %w", err)
	}
	if runs, err = parseRuns(buf); err != nil {
		return "", 0, nil, err
	}
	return parts[1], hash, runs, nil
}

func parseRuns(buf []byte) ([]run, error) {
	var runs []run
	for len(buf) > 0 {
		var v [2]uint64
		for i := range v {
			x, n := binary.Uvarint(buf)
			if n <= 0 || x > 1<<32-1 {
				return nil, fmt.Errorf("parse token choices: bad number at run %d", len(runs))
			}
			v[i], buf = x, buf[n:]
		}
		runs = append(runs, run{uint32(v[0]), uint32(v[1])})
	}
	return runs, nil
}
