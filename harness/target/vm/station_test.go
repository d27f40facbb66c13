package vm

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
)

// writer is a command that puts its first line at the beginning of the machine's second disk, waits, and puts the next beside it.
const writer = `read -r a
case $a in off) poweroff -f;; crash) echo c >/proc/sysrq-trigger;; noise) echo '<3>EXT4-fs error (device vdx): made up' >/dev/kmsg;; esac
printf '%s' "$a" | dd of=/dev/vdb conv=notrunc,fsync 2>/dev/null; echo ready
read -r b; printf '%s' "$b" | dd of=/dev/vdb bs=512 seek=1 conv=notrunc,fsync 2>/dev/null; head -c 1024 /dev/vdb`

// told runs the writer up to its station and on from there, and returns what it says then and what takes time meanwhile.
func told(t *testing.T, tg *Target, reach func(io.ReadWriteCloser) error, line string) (said string, doing []string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var out bytes.Buffer
	_, err = tg.Shell(ctx, Shell{
		Command: writer, In: strings.NewReader(line + "\n"), Out: &out, Err: &out, Watch: func(what string) { doing = append(doing, what) },
		Station: &Station{Key: t.Name(), Reach: func(_ context.Context, command io.ReadWriteCloser) error { return reach(command) }},
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
	file, own := filepath.Join(t.TempDir(), "disk"), ownSnapshots(t)
	blank(t, file)
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tg := opened(t, Config{Shell: true, Cache: own, Files: []string{file}})
	reached := 0
	reach := func(command io.ReadWriteCloser) error {
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
	if _, _, err := told(t, opened(t, Config{Shell: true, Cache: own, Files: []string{file}}), reach, "3"); err != nil || reached != 2 {
		t.Errorf("with another file of that name %d machines were brought to the station, want 2 (%v)", reached, err)
	}
}

// What keeps a machine from its station is found out once, and is the shell's error: no boot stands in for it.
func TestAStationThatIsNotReachedIsTheShellsError(t *testing.T) {
	if testing.Short() {
		t.Skip("boots machines")
	}
	file, own := filepath.Join(t.TempDir(), "disk"), ownSnapshots(t)
	blank(t, file)
	tg := opened(t, Config{Shell: true, Cache: own, Files: []string{file}})
	refusal := errors.New("there is no lion here")
	for name, c := range map[string]struct {
		reach func(io.ReadWriteCloser) error
		want  string
	}{
		"refused": {func(io.ReadWriteCloser) error { return refusal }, refusal.Error()},
		"ended": {func(command io.ReadWriteCloser) error {
			_, err := io.WriteString(command, "a\nb\n")
			return errors.Join(err, drained(command))
		}, "the command ended before it was asked to (exit code 0)"},
		"input closed": {func(command io.ReadWriteCloser) error { return command.Close() }, "the command's input was closed on the way"},
		"switched off": {func(command io.ReadWriteCloser) error {
			_, err := io.WriteString(command, "off\n")
			return errors.Join(err, drained(command))
		}, "the machine was switched off from inside"},
		"crashed": {func(command io.ReadWriteCloser) error {
			_, err := io.WriteString(command, "crash\n")
			return errors.Join(err, drained(command))
		}, "the kernel crashed: panic"},
	} {
		tries := 0
		_, _, err := told(t, tg, func(command io.ReadWriteCloser) error { tries++; return c.reach(command) }, "x")
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

// What is said last needs no answer, and is not lost.
func TestAStationIsReachedWhenEverythingSaidHasBeenTaken(t *testing.T) {
	if testing.Short() {
		t.Skip("boots a machine")
	}
	file, own := filepath.Join(t.TempDir(), "disk"), ownSnapshots(t)
	blank(t, file)
	tg := opened(t, Config{Shell: true, Cache: own, Files: []string{file}})
	said, _, err := told(t, tg, func(command io.ReadWriteCloser) error {
		_, err := io.WriteString(command, "station\n")
		return err
	}, "1")
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.ReplaceAll(said, "\x00", ""); strings.TrimPrefix(text, "ready\n") != "station1" {
		t.Errorf("its disk has %q", text)
	}
}

// A kernel that complained on the way is not snapshotted, and that is no failure of snapshots.
func TestAKernelThatComplainedOnTheWayIsNotSnapshotted(t *testing.T) {
	if testing.Short() {
		t.Skip("boots machines")
	}
	file, own := filepath.Join(t.TempDir(), "disk"), ownSnapshots(t)
	blank(t, file)
	tg := opened(t, Config{Shell: true, Cache: own, Files: []string{file}})
	tries := 0
	said, doing, err := told(t, tg, func(command io.ReadWriteCloser) error {
		tries++
		if _, err := io.WriteString(command, "noise\n"); err != nil {
			return err
		}
		_, err := bufio.NewReader(command).ReadString('\n')
		return err
	}, "1")
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.ReplaceAll(said, "\x00", ""); !strings.HasSuffix(text, "noise1") || tries != 2 || strings.Contains(strings.Join(doing, ";"), "snapshot") || tg.failures != 0 {
		t.Errorf("said %q in the %dth machine after %q; %d failures of snapshots", text, tries, doing, tg.failures)
	}
}
