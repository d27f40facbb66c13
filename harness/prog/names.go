package prog

import (
	"fmt"
	"slices"
	"strings"
)

// isName says whether s can name a file, a task, a request, a label or a kernel function.
func isName(s string) bool {
	if s == "" || len(s) > 64 || s[0] == '-' || s[0] == '.' {
		return false
	}
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// isKeyword says whether s begins an expectation or an option, and so cannot be a file behind hold or fail.
func isKeyword(s string) bool {
	return slices.Contains([]string{"times", "oldest", "newest", "in", "returns", "fails", "may-fail", "may-block", "before", "not-before"}, s)
}

func parseName(s string) (string, error) {
	if !isName(s) {
		return "", fmt.Errorf("name %q: want letters, digits, - _ and ., at most 64", s)
	}
	return s, nil
}

func parseNames(s string) ([]string, error) {
	var out []string
	for _, part := range strings.Split(s, "|") {
		n, err := parseName(part)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

// parseErrno checks the spelling only: targets know their errnos. SIGBUS and SIGSEGV stand for a mapped access that ended
// in that signal, SIGKILL for an operation in which the kernel killed the task for want of memory.
func parseErrno(s string) (string, error) { return s, parseErrnoOK(s) }

func parseErrnoOK(s string) error {
	if s == "SIGBUS" || s == "SIGSEGV" || s == "SIGKILL" {
		return nil
	}
	if len(s) < 3 || len(s) > 20 || s[0] != 'E' || strings.ToUpper(s) != s || !isName(s) || strings.ContainsAny(s, "-_.") {
		return fmt.Errorf("errno %q: want a name such as EINVAL", s)
	}
	return nil
}

func parseErrnos(s string) ([]string, error) {
	var out []string
	for _, part := range strings.Split(s, "|") {
		if err := parseErrnoOK(part); err != nil {
			return nil, err
		}
		out = append(out, part)
	}
	return out, nil
}
