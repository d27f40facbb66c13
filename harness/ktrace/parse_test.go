package ktrace

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The trace files were recorded on Debian's kernels, with tracepoints of iomap, sched and syscalls and a return probe named iip,
// and some lines left out.
func TestParseReadsEveryLineOfTheseKernels(t *testing.T) {
	groups := map[string]string{"iip": ProbeGroup, "sched_switch": "sched", "sys_enter_openat": "syscalls", "sys_exit_openat": "syscalls"}
	want := map[string]Event{
		"debian-5.10.trace": {Time: 4219086000, PID: 127, Comm: "dd", Name: "iomapcheck:iip",
			Fields: "(__iomap_dio_rw+0x356/0x4b0 <- invalidate_inode_pages2_range) ret=0"},
		"debian-6.12.trace": {Time: 5194324000, PID: 180, Comm: "dd", Name: "iomapcheck:iip",
			Fields: "(__iomap_dio_rw+0x3fe/0x860 <- invalidate_inode_pages2_range) ret=0"},
		"debian-7.2.trace": {Time: 6890869000, PID: 143, Comm: "dd", Name: "iomapcheck:iip",
			Fields: "(__iomap_dio_rw+0x480/0x8e0 <- invalidate_inode_pages2_range) ret=0"},
	}
	for file, want := range want {
		t.Run(file, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			r, err := parse(bytes.NewReader(text), groups, math.MaxInt64)
			if err != nil {
				t.Fatal(err)
			}
			if lines := strings.Count(string(text), "\n "); len(r.events) != lines || r.lost != 0 {
				t.Errorf("%d events of %d lines, %d lost", len(r.events), lines, r.lost)
			}
			checkOrder(t, r.events)
			if !contains(r.events, want) {
				t.Errorf("no event %+v in %+v", want, r.events)
			}
		})
	}
}

func checkOrder(t *testing.T, events []Event) {
	t.Helper()
	for i := 1; i < len(events); i++ {
		if events[i].Time < events[i-1].Time {
			t.Errorf("event %d is earlier than the one before", i)
		}
	}
}

func contains(events []Event, want Event) bool {
	for _, e := range events {
		if e == want {
			return true
		}
	}
	return false
}

func TestParseEventReadsOddLines(t *testing.T) {
	for _, c := range []struct {
		what, line string
		want       Event
	}{
		{"name with brackets, dashes and spaces", "     my [0] -1 x-184     [000] .....     5.182916: sys_enter: NR 273 (826d6a0, 18)",
			Event{Time: 5182916000, PID: 184, Comm: "my [0] -1 x", Name: "sys_enter", Fields: "NR 273 (826d6a0, 18)"}},
		{"name that looks like the beginning of a line", "       a-1 [000]-55      [001] d..2.     1.000001: x: y",
			Event{Time: 1000001000, PID: 55, Comm: "a-1 [000]", CPU: 1, Name: "x", Fields: "y"}},
		{"idle task", "          <idle>-0       [003] d..2.     6.752176: sched_switch: prev_comm=swapper/0",
			Event{Time: 6752176000, Comm: "<idle>", CPU: 3, Name: "sched:sched_switch", Fields: "prev_comm=swapper/0"}},
		{"name forgotten", "           <...>-99999   [127] d.... 86400.000001: x: y",
			Event{Time: 86400000001000, PID: 99999, Comm: "<...>", CPU: 127, Name: "x", Fields: "y"}},
		{"process number", "            bash-12      (     12) [000] d..1.     1.000002: x: y",
			Event{Time: 1000002000, PID: 12, Comm: "bash", Name: "x", Fields: "y"}},
		{"process number unknown", "            bash-12      (-------) [000] d..1     1.000002: x: y",
			Event{Time: 1000002000, PID: 12, Comm: "bash", Name: "x", Fields: "y"}},
		{"no flags", "            bash-12      [000]     1.000002: x: y",
			Event{Time: 1000002000, PID: 12, Comm: "bash", Name: "x", Fields: "y"}},
		{"no fields", "            bash-12      [000] .....     1.000002: x: ",
			Event{Time: 1000002000, PID: 12, Comm: "bash", Name: "x"}},
		{"fields with colons and what looks like an event", "            bash-12      [000] .....     1.000002: x: a: b-1 [000] ..... 2.000000: c: d",
			Event{Time: 1000002000, PID: 12, Comm: "bash", Name: "x", Fields: "a: b-1 [000] ..... 2.000000: c: d"}},
		{"system call begins", "            bash-12      [000] .....     1.000002: sys_openat(dfd: 3, filename: 0)",
			Event{Time: 1000002000, PID: 12, Comm: "bash", Name: "sys_enter_openat", Fields: "(dfd: 3, filename: 0)"}},
		{"system call ends", "            bash-12      [000] .....     1.000002: sys_openat -> 0x3",
			Event{Time: 1000002000, PID: 12, Comm: "bash", Name: "sys_exit_openat", Fields: "0x3"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			got, err := parseEvent(c.line, map[string]string{"sched_switch": "sched"})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestParseCountsLostEvents(t *testing.T) {
	for text, want := range map[string]int64{
		"# entries-in-buffer/entries-written: 65/823   #P:1\n":                                          758,
		"# entries-in-buffer/entries-written: 65/65   #P:2\n":                                           0,
		"# tracer: nop\n#\n##### CPU 1 buffer started ####\n":                                           0,
		"CPU:0 [LOST 12 EVENTS]\n":                                                                      12,
		"CPU:10 [LOST EVENTS]\n":                                                                        1,
		"# entries-in-buffer/entries-written: 1/3   #P:1\nCPU:0 [LOST 2 EVENTS]\nCPU:1 [LOST EVENTS]\n": 5,
	} {
		if r, err := parse(strings.NewReader(text), nil, math.MaxInt64); err != nil || r.lost != want {
			t.Errorf("%q: lost %d, %v; want %d", text, r.lost, err, want)
		}
	}
}

func TestParseRefusesWhatItDoesNotUnderstand(t *testing.T) {
	const good = "            bash-12      [000] .....     1.000002: x: y\n"
	for _, bad := range []string{
		" => vfs_write\n",
		"CPU:0 [LOST MANY EVENTS]\n",
		"CPU:0 [LOST 99999999999999999999 EVENTS]\n",
		"            bash-12      [000] .....     1.000002: no name here\n",
		"            bash-12      [000] .....     1.02: x: y\n",
		"            bash-12      [000] ..... 99999999999.000002: x: y\n",
		"            bash-99999999999999999999 [000] .....     1.000002: x: y\n",
		"bash-12      [000] .....     1.000002: x: y\n",
	} {
		r, err := parse(strings.NewReader(good+bad), nil, math.MaxInt64)
		if err == nil || !strings.Contains(err.Error(), "line 2") || len(r.events) != 1 {
			t.Errorf("%q: %d events, %v", bad, len(r.events), err)
		}
	}
}

// A trace that grows as it is read, as when the reading is what is traced, must end all the same.
func TestParseEndsWithALaterEvent(t *testing.T) {
	const line = "            bash-12      [000] .....     %d.000000: x: y\n"
	in, out := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for s := 1; ; s++ {
			if _, err := fmt.Fprintf(out, line, s); err != nil {
				return // the reader has closed
			}
		}
	}()
	r, err := parse(in, nil, 5*second)
	in.Close()
	<-done
	if err != nil || len(r.events) != 5 || r.events[4].Time != 5*second {
		t.Errorf("%+v, %v", r.events, err)
	}
}

// FuzzParse checks that no text makes the parser panic, lose count, or give a time that cannot be.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.trace")
	if err != nil || len(files) == 0 {
		f.Fatalf("no trace files: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("CPU:0 [LOST 12 EVENTS]\n# entries-in-buffer/entries-written: 65/823   #P:1\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parse(strings.NewReader(text), map[string]string{"iip": ProbeGroup}, math.MaxInt64)
		if lines := strings.Count(text, "\n") + 1; len(r.events) > lines {
			t.Errorf("%d events of %d lines", len(r.events), lines)
		}
		for _, e := range r.events {
			if e.Time < 0 || e.PID < 0 || e.CPU < 0 || e.Name == "" {
				t.Errorf("impossible event %+v (%v)", e, err)
			}
		}
	})
}

// FuzzParseEvent writes a line as the kernel does and wants back what went in, whatever the thread calls itself.
func FuzzParseEvent(f *testing.F) {
	f.Add("dd", uint32(184), uint8(0), uint32(5), uint32(182916), "iomap_iter", "dev 254:0", 5)
	f.Add("a-1 [000] 2.000", uint32(1), uint8(127), uint32(0), uint32(0), "x", "", 4)
	f.Add("#-1 (  7) [000]", uint32(7), uint8(3), uint32(1), uint32(999999), "x", " y: z", 0)
	f.Fuzz(func(t *testing.T, comm string, pid uint32, cpu uint8, sec, usec uint32, name, fields string, flags int) {
		if len(comm) > 15 || comm != strings.TrimLeft(comm, " ") || strings.ContainsAny(comm+fields, "\n") || !identifier.MatchString(name) {
			t.Skip("not what a kernel writes")
		}
		flagText := map[int]string{4: "d..1 ", 5: ".l.1. "}[flags]
		line := fmt.Sprintf("%16s-%-7d [%03d] %s%5d.%06d: %s: %s", comm, pid, cpu, flagText, sec, usec%1e6, name, fields)
		want := Event{Time: int64(sec)*1e9 + int64(usec%1e6)*1e3, PID: int(pid), Comm: comm, CPU: int(cpu), Name: name, Fields: fields}
		got, err := parseEvent(line, nil)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q: %s", line, d)
		}
	})
}
