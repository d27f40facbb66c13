package mm

import "github.com/iomapcheck/iomapcheck/refengine/sched"

// Pipe is what a file is spliced into: pages of the cache, each with a reference, and where the cache is left out copies. What is read
// from it is what the pages hold when it is read, not when they were spliced.
type Pipe struct {
	out   []byte // what the pipe is read into; copies go there at once
	parts []pipePart
}

// pipePart is a part of a folio, at a position of the pipe.
type pipePart struct {
	f          *Folio
	off, at, n int64
}

// NewPipe makes an empty pipe that is to be read into p.
func NewPipe(p []byte) *Pipe { return &Pipe{out: p} }

// Buffer is the pipe as the memory of a read.
func (p *Pipe) Buffer() Buffer {
	b := Plain(p.out)
	b.pipe = p
	return b
}

// take keeps a part of a folio (splice_folio_into_pipe).
func (p *Pipe) take(t *sched.Task, f *Folio, off, at, n int64) {
	f.Get(t)
	p.parts = append(p.parts, pipePart{f, off, at, n})
}

// Drain reads the pipe (anon_pipe_read) and lets the pages go.
func (p *Pipe) Drain(t *sched.Task) {
	for _, part := range p.parts {
		t.Step("pipe_read", 0)
		t.Reads(part.f.obj)
		copy(p.out[part.at:part.at+part.n], part.f.Data[part.off:part.off+part.n])
		part.f.Put(t)
	}
	p.parts = nil
}
