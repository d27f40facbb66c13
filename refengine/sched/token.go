package sched

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// deviation is a choice that is not the default, after gap choices that were: task number << 1, or value << 1 | 1 for a data choice. The
// default is to go on with the task that decides, if it can, else with the oldest that can, and 0 for data. Points at which only
// one task could run are no choices.
type deviation struct{ gap, choice uint32 }

// path is the choices of an execution.
type path struct {
	deviations []deviation
	gap        uint32 // defaults since the last deviation
}

func (p *path) reset() { p.deviations, p.gap = p.deviations[:0], 0 }

func (p *path) record(choice uint32, isDefault bool) {
	if isDefault {
		p.gap++
		return
	}
	p.deviations = append(p.deviations, deviation{p.gap, choice})
	p.gap = 0
}

// tokenVersion leads every token. A change in the meaning of choices or of the hash needs a new one.
const tokenVersion = "t2"

// formatToken returns t2.<name>.<hash>.<choices>.
func formatToken(name string, hash uint64, path []deviation) string {
	var buf []byte
	for _, r := range path {
		buf = binary.AppendUvarint(buf, uint64(r.gap))
		buf = binary.AppendUvarint(buf, uint64(r.choice))
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

func parseToken(token string) (name string, hash uint64, path []deviation, err error) {
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
	if path, err = parsePath(buf); err != nil {
		return "", 0, nil, err
	}
	return parts[1], hash, path, nil
}

func parsePath(buf []byte) ([]deviation, error) {
	var path []deviation
	for len(buf) > 0 {
		var v [2]uint64
		for i := range v {
			x, n := binary.Uvarint(buf)
			if n <= 0 || x > 1<<32-1 {
				return nil, fmt.Errorf("parse token choices: bad number at choice %d", len(path))
			}
			v[i], buf = x, buf[n:]
		}
		path = append(path, deviation{uint32(v[0]), uint32(v[1])})
	}
	return path, nil
}
