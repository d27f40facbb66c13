package ktrace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// prefix starts the name of every instance of ours; the process number follows.
const prefix = "iomapcheck-"

// instance is one tracefs instance and the group of probes that belongs to it.
//
// Invariant: probes of the group exist only while the instance exists, so that whoever finds the instance finds everything.
type instance struct {
	fs   tree
	root string // of tracefs
	pid  int    // of the process that made it
}

func (i instance) dir() string   { return filepath.Join(i.root, "instances", prefix+strconv.Itoa(i.pid)) }
func (i instance) group() string { return ProbeGroup + "_" + strconv.Itoa(i.pid) }

// set writes one control file of the instance.
func (i instance) set(file, value string) error {
	if err := i.fs.write(filepath.Join(i.dir(), file), value); err != nil {
		return fmt.Errorf("set %s to %q: %w", file, value, err)
	}
	return nil
}

// remove takes the instance and its probes away, in the only order that the kernel permits: a probe that is enabled cannot be
// removed, and no other instance enables ours. What is gone already is no error.
func (i instance) remove() error {
	off := i.set("events/enable", "0")
	err := errors.Join(off, i.removeProbes())
	if rm := i.fs.rmdir(i.dir()); rm != nil {
		err = errors.Join(err, fmt.Errorf("remove %s: %w", i.dir(), rm))
	}
	if gone, statErr := i.fs.exists(i.dir()); statErr == nil && !gone {
		return nil
	}
	return err
}

func (i instance) removeProbes() error {
	list := filepath.Join(i.root, "kprobe_events")
	text, err := readAll(context.Background(), i.fs, list)
	if errors.Is(err, os.ErrNotExist) {
		return nil // a kernel without kprobe events
	}
	if err != nil {
		return fmt.Errorf("list probes: %w", err)
	}
	for _, name := range probesOf(text, i.group()) {
		if rm := i.fs.write(list, "-:"+i.group()+"/"+name); rm != nil {
			err = errors.Join(err, fmt.Errorf("remove probe %s: %w", name, rm))
		}
	}
	return err
}

// probesOf gives the names of a group's probes in the text of kprobe_events, whose lines begin "p:group/name " or "r64:group/name ".
func probesOf(text, group string) []string {
	var names []string
	for line := range strings.Lines(text) {
		head, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		_, event, _ := strings.Cut(head, ":")
		if name, ok := strings.CutPrefix(event, group+"/"); ok {
			names = append(names, name)
		}
	}
	return names
}
