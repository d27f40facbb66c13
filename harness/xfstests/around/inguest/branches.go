package inguest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/ktrace"
)

// The branches that are counted.
const (
	// DirectIO is how many direct reads and writes began, by iomap.
	DirectIO = "direct-io"
	// InvalidateFail: a direct write could not invalidate the page cache before it wrote, and iomap said ENOTBLK: fall back to buffered I/O.
	InvalidateFail = "invalidate-fail"
	// InvalidatePages: invalidate_inode_pages2_range failed, whoever called it and when.
	InvalidatePages = "invalidate-pages-fail"
	// StalePageCache: a direct write could not invalidate the page cache after it had written; the next fsync says EIO.
	StalePageCache = "stale-page-cache"
	// Fallback: a write with O_DIRECT was carried out, or completed, by the buffered path.
	Fallback = "fallback"
	// StaleIomap: a mapping was found out of date under a folio's lock, and looked up again (xfs tells of its own).
	StaleIomap = "stale-iomap"
	// StaleWriteback is the same of writeback's mapping.
	StaleWriteback = "stale-writeback"
)

// Branches lists what is counted, in the order in which it is shown.
func Branches() []string {
	return []string{DirectIO, InvalidateFail, InvalidatePages, StalePageCache, Fallback, StaleIomap, StaleWriteback}
}

// iocbDirect is IOCB_DIRECT of linux/fs.h since 5.10, and kiocbFlags where the first argument of a function, a struct kiocb, has its ki_flags on a
// 64-bit machine since then: behind ki_filp, ki_pos, ki_complete and private.
const (
	iocbDirect = 1 << 17
	kiocbFlags = "flags=+32(%di):x32"
)

// source is where a branch is seen: a tracepoint, or a probe.
type source struct {
	branch string
	event  string
	probe  ktrace.Probe
	// hits: the probe's hits are counted, of which none is recorded: there are very many.
	hits bool
}

// sources are all sources.
func sources() []source {
	never := "common_pid < 0"
	return []source{
		{branch: DirectIO, hits: true, probe: ktrace.Probe{Name: "direct_io", Symbol: "__iomap_dio_rw", Filter: never}},
		{branch: InvalidateFail, event: "iomap:iomap_dio_invalidate_fail"},
		{branch: InvalidatePages, probe: ktrace.Probe{Name: "invalidate_pages", Symbol: "invalidate_inode_pages2_range", Return: true,
			Args: "ret=$retval:s32", Filter: "ret != 0"}},
		{branch: StalePageCache, probe: ktrace.Probe{Name: "stale_page_cache", Symbol: "dio_warn_stale_pagecache"}},
		{branch: Fallback, probe: ktrace.Probe{Name: "fallback", Symbol: "iomap_file_buffered_write", Args: kiocbFlags,
			Also:   []string{"ext4_buffered_write_iter", "btrfs_buffered_write", "f2fs_buffered_write_iter"},
			Filter: fmt.Sprintf("flags & %d", iocbDirect)}},
		{branch: StaleIomap, event: "xfs:xfs_iomap_invalid"},
		{branch: StaleWriteback, event: "xfs:xfs_wb_data_iomap_invalid"},
		{branch: StaleWriteback, event: "xfs:xfs_wb_cow_iomap_invalid"},
	}
}

// bufferKiB is the trace buffer of each processor: about two hundred thousand events.
const bufferKiB = 16 << 10

// counting is a count under way; nil counts nothing.
type counting struct {
	tracer  *ktrace.Tracer
	missing map[string]string // by event
}

// count begins to count.
func count(wanted bool) (*counting, error) {
	if !wanted {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	config := ktrace.Config{BufferKiB: bufferKiB}
	for _, s := range sources() {
		if s.event != "" {
			config.Events = append(config.Events, s.event)
		} else {
			config.Probes = append(config.Probes, s.probe)
		}
	}
	tracer, missing, err := ktrace.Start(ctx, "", config)
	if err != nil {
		return nil, fmt.Errorf("count branches: %w", err)
	}
	c := &counting{tracer: tracer, missing: map[string]string{}}
	for _, m := range missing {
		c.missing[m.Name] = m.Reason
	}
	return c, nil
}

// name is what the source's events are called.
func (s source) name() string {
	if s.event != "" {
		return s.event
	}
	return ktrace.ProbeGroup + ":" + s.probe.Name
}

// startLimit bounds the setting up of probes, which patches the kernel's code: seconds on a slow machine.
const startLimit = 2 * time.Minute

// readLimit bounds the reading of the trace; a full buffer takes a slow machine some ten seconds.
const readLimit = 2 * time.Minute

// into ends the count and puts it into a test's end.
func (c *counting) into(d *Done) {
	if c == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), readLimit)
	defer cancel()
	events, err := c.tracer.Read(ctx)
	var lost *ktrace.LostError
	if errors.As(err, &lost) {
		d.AtLeast, err = true, nil
	}
	hits, hitsErr := c.tracer.Hits(ctx)
	if err := errors.Join(err, hitsErr); err != nil {
		d.Missing = append(d.Missing, fmt.Sprintf("nothing was counted: %v", err))
	} else {
		c.sum(events, hits, d)
	}
	if err := c.tracer.Close(); err != nil {
		d.Missing = append(d.Missing, err.Error())
	}
}

// sum adds up events by branch.
func (c *counting) sum(events []ktrace.Event, hits map[string]int64, d *Done) {
	seen := map[string]int64{}
	for _, e := range events {
		seen[e.Name]++
	}
	d.Branches = map[string]int64{}
	for _, s := range sources() {
		if why, gone := c.missing[s.name()]; gone {
			d.Missing = append(d.Missing, fmt.Sprintf("%s: %s: %s", s.branch, strings.TrimPrefix(s.name(), ktrace.ProbeGroup+":"), why))
			continue
		}
		n := seen[s.name()]
		if s.hits {
			n = hits[s.probe.Name]
		}
		d.Branches[s.branch] += n
	}
}
