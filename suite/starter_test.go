package suite

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// process is a process that cannot be mistaken for a later one with its number.
type process struct{ pid, parent, name, born string }

// look reads a process from /proc; false if it is gone.
func look(pid string) (process, bool) {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	name, rest, ok := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	// After the name: state, parent, and as the 20th the start time (proc(5)).
	if err != nil || !ok || len(fields) < 20 || fields[0] == "Z" {
		return process{}, false
	}
	_, name, _ = strings.Cut(name, "(")
	return process{pid: pid, parent: fields[1], name: name, born: fields[19]}, true
}

// starters are the processes that started the suite: its parent, and above it ginkgo, go and make.
func starters() []process {
	var list []process
	p, ok := look(strconv.Itoa(os.Getppid()))
	for ok && p.pid != "1" && (len(list) == 0 || slices.Contains([]string{"ginkgo", "go", "make"}, p.name)) {
		list = append(list, p)
		p, ok = look(p.parent)
	}
	return list
}

// dieWith ends this process, and with it every machine of ours, when one of its starters is gone: a kill of theirs would
// otherwise leave the suite running with nobody to read it. It ends with the process.
func dieWith(starters []process) {
	for range time.Tick(200 * time.Millisecond) {
		for _, s := range starters {
			if now, ok := look(s.pid); !ok || now.born != s.born {
				fmt.Fprintf(os.Stderr, "iomapcheck: %s, which started the suite, is gone\n", s.name)
				os.Exit(1)
			}
		}
	}
}
