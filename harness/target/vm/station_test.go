package vm_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/target/vm"
)

// writer is a command that puts its first line at the beginning of the machine's second disk, waits, and puts the next beside it.
const writer = `read -r a; printf '%s' "$a" | dd of=/dev/vdb conv=notrunc,fsync 2>/dev/null; echo ready
read -r b; printf '%s' "$b" | dd of=/dev/vdb bs=512 seek=1 conv=notrunc,fsync 2>/dev/null; head -c 1024 /dev/vdb`

// told runs the writer up to its station and on from there, and returns what it says then and what takes time meanwhile.
func told(t *testing.T, tg *vm.Target, reach func(io.ReadWriter) error, line string) (said string, doing []string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var out bytes.Buffer
	_, err = tg.Shell(ctx, vm.Shell{
		Command: writer, In: strings.NewReader(line + "\n"), Out: &out, Err: &out, Watch: func(what string) { doing = append(doing, what) },
		Station: &vm.Station{Key: t.Name(), Reach: func(_ context.Context, command io.ReadWriteCloser) error { return reach(command) }},
	})
	return out.String(), doing, err
}

// blank makes a disk's file that has never been: with a text at its end, in a part of a chunk.
func blank(t *testing.T, path string) {
	t.Helper()
	text := fmt.Sprintf("%-512s", "the end, "+rand.Text())
	if err := os.WriteFile(path, append(make([]byte, 1<<20), text...), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Machines go on from the station with what was written to their disks before it, and nobody has what another wrote after it.
func TestMachinesGoOnFromAStationEachWithDisksOfItsOwn(t *testing.T) {
	if testing.Short() {
		t.Skip("boots a machine")
	}
	file := filepath.Join(t.TempDir(), "disk")
	blank(t, file)
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tg := open(t, vm.Config{Shell: true, Files: []string{file}})
	reached := 0
	reach := func(command io.ReadWriter) error {
		reached++
		if _, err := io.WriteString(command, "station\n"); err != nil {
			return err
		}
		line, err := bufio.NewReader(command).ReadString('\n')
		if err == nil && line != "ready\n" {
			return errors.New(line)
		}
		return err
	}
	for _, own := range []string{"one", "2"} {
		said, doing, err := told(t, tg, reach, own)
		if err != nil {
			t.Fatal(err)
		}
		if want := "station" + own; strings.ReplaceAll(said, "\x00", "") != want {
			t.Errorf("its disk has %q, want %q", strings.ReplaceAll(said, "\x00", ""), want)
		}
		if !slices.ContainsFunc(doing, func(what string) bool { return strings.HasPrefix(what, "starting from a snapshot") }) {
			t.Errorf("no snapshot was used: %q", doing)
		}
	}
	if reached != 1 {
		t.Errorf("%d machines were brought to the station, want the first alone", reached)
	}
	if after, err := os.ReadFile(file); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file is not what it was (%v)", err)
	}
	// The snapshot is of that file, not of one of the same name.
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	blank(t, file)
	if _, _, err := told(t, open(t, vm.Config{Shell: true, Files: []string{file}}), reach, "3"); err != nil || reached != 2 {
		t.Errorf("with another file of that name %d machines were brought to the station, want 2 (%v)", reached, err)
	}
}

// What keeps a machine from its station is found out once, and is the shell's error: no boot stands in for it.
func TestAStationThatIsNotReachedIsTheShellsError(t *testing.T) {
	if testing.Short() {
		t.Skip("boots machines")
	}
	file := filepath.Join(t.TempDir(), "disk")
	blank(t, file)
	tg := open(t, vm.Config{Shell: true, Files: []string{file}})
	refusal := errors.New("there is no lion here")
	for name, c := range map[string]struct {
		reach func(io.ReadWriter) error
		want  string
	}{
		"refused": {func(io.ReadWriter) error { return refusal }, refusal.Error()},
		"ended": {func(command io.ReadWriter) error {
			_, err := io.WriteString(command, "a\nb\n")
			return errors.Join(err, drained(command))
		}, "the command ended before it was asked to (exit code 0)"},
	} {
		tries := 0
		_, _, err := told(t, tg, func(command io.ReadWriter) error { tries++; return c.reach(command) }, "x")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
		if tries != 1 {
			t.Errorf("%s: tried %d times", name, tries)
		}
	}
}

func drained(command io.Reader) error {
	_, err := io.Copy(io.Discard, command)
	return err
}
