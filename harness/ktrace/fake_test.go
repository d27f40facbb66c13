package ktrace

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// fakeKernel is a tracefs of plain files that refuses what the kernel refuses. Not for concurrent use.
type fakeKernel struct {
	files
	root    string
	events  []string // "group/name" that every instance has
	symbols []string // functions that can be probed
	probes  []string // definitions, as kprobe_events lists them
	enabled []string // paths of enable files that are on
	refuse  map[string]error
}

func newFakeKernel(t *testing.T) *fakeKernel {
	t.Helper()
	k := &fakeKernel{
		root:    t.TempDir(),
		events:  []string{"iomap/iomap_dio_invalidate_fail", "sched/sched_switch"},
		symbols: []string{"dio_warn_stale_pagecache", "invalidate_inode_pages2_range"},
		refuse:  map[string]error{},
	}
	k.put(filepath.Join(k.root, "instances", ".keep"), "")
	k.put(filepath.Join(k.root, "kprobe_events"), "")
	k.put(filepath.Join(k.root, "kprobe_profile"), "")
	k.put(filepath.Join(k.root, "error_log"), "")
	return k
}

func (k *fakeKernel) put(path, text string) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		panic(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		panic(err)
	}
}

func (k *fakeKernel) mkdir(path string) error {
	if err := k.files.mkdir(path); err != nil {
		return err
	}
	for _, f := range append([]string{"trace_clock", "buffer_size_kb", "trace", "events/enable"}, k.enableFiles()...) {
		k.put(filepath.Join(path, f), "")
	}
	return nil
}

func (k *fakeKernel) enableFiles() []string {
	var out []string
	for _, e := range k.events {
		out = append(out, "events/"+e+"/enable")
	}
	for _, p := range k.probes {
		_, event, _ := strings.Cut(strings.Fields(p)[0], ":")
		out = append(out, "events/"+event+"/enable", "events/"+event+"/filter")
	}
	return out
}

func (k *fakeKernel) rmdir(path string) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	return os.RemoveAll(path)
}

func (k *fakeKernel) write(path, text string) error {
	if err := k.refuse[filepath.Base(path)]; err != nil {
		return &os.PathError{Op: "write", Path: path, Err: err}
	}
	if filepath.Base(path) == "kprobe_events" {
		return k.define(path, text)
	}
	if _, err := os.Stat(path); err != nil {
		return err
	}
	k.put(path, text)
	k.enabled = slices.DeleteFunc(k.enabled, func(p string) bool {
		return p == path || strings.HasSuffix(path, "events/enable") && strings.HasPrefix(p, filepath.Dir(path))
	})
	if text == "1" {
		k.enabled = append(k.enabled, path)
	}
	return nil
}

// define does what create_or_delete_trace_kprobe in kernel/trace/trace_kprobe.c does, for the whole machine.
func (k *fakeKernel) define(path, text string) error {
	if event, ok := strings.CutPrefix(text, "-:"); ok {
		if slices.ContainsFunc(k.enabled, func(p string) bool { return strings.Contains(p, "/events/"+event+"/") }) {
			return unix.EBUSY
		}
		k.probes = slices.DeleteFunc(k.probes, func(p string) bool { return strings.Contains(p, ":"+event+" ") })
	} else if !slices.Contains(k.symbols, strings.Fields(text)[1]) {
		k.put(filepath.Join(k.root, "error_log"),
			"[    4.071743] trace_kprobe: error: Invalid probed address or symbol\n  Command: "+text+"\n      ^\n")
		return unix.EINVAL
	} else {
		k.probes = append(k.probes, text)
	}
	k.put(path, strings.Join(append(k.probes, ""), "\n"))
	instances, err := filepath.Glob(filepath.Join(k.root, "instances", "*"))
	for _, dir := range instances {
		for _, f := range k.enableFiles() {
			if _, err := os.Stat(filepath.Join(dir, f)); os.IsNotExist(err) && filepath.Base(dir) != ".keep" {
				k.put(filepath.Join(dir, f), "")
			}
		}
	}
	return err
}

// control reads a control file of the process's instance.
func (k *fakeKernel) control(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(k.instance(), file))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (k *fakeKernel) instance() string {
	return filepath.Join(k.root, "instances", fmt.Sprintf("iomapcheck-%d", os.Getpid()))
}

// leftovers lists instances, probes and enabled events.
func (k *fakeKernel) leftovers(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(k.root, "instances", "iomapcheck-*"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.Concat(dirs, k.probes, k.enabled)
}
