package qemu

import (
	"bytes"
	"io"
	"sync"
)

// Sizes of the console's path, in bytes unless said.
const (
	chunkSize    = 4096
	queuedChunks = 1024      // chunks that may wait for a slow writer before the guest does
	tailSize     = 256 << 10 // how much of an output's end is remembered; the stacks of a hung guest must fit
	maxLine      = 64 << 10  // a longer line is given out in pieces
)

// tail remembers the last bytes written to it.
type tail struct {
	mu    sync.Mutex
	text  []byte // guarded by mu
	total int64  // bytes ever written; guarded by mu
}

// Write implements io.Writer and never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total += int64(len(p))
	t.text = append(t.text, p...)
	if extra := len(t.text) - tailSize; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(p), nil
}

// String returns what is remembered.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

// position returns how much was ever written.
func (t *tail) position() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total
}

// since returns what was written after position, as far as it is remembered.
func (t *tail) since(position int64) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text[max(0, int64(len(t.text))-(t.total-position)):])
}

// lineWriter calls emit for every line written to it, without its end; the serial console ends them with CR LF.
type lineWriter struct {
	emit    func(string)
	pending []byte
}

// Write implements io.Writer and never fails.
func (l *lineWriter) Write(p []byte) (int, error) {
	l.pending = append(l.pending, p...)
	for {
		line, rest, found := bytes.Cut(l.pending, []byte{'\n'})
		if !found {
			break
		}
		l.emit(string(bytes.TrimRight(line, "\r")))
		l.pending = rest
	}
	if len(l.pending) > maxLine {
		l.flush()
	}
	return len(p), nil
}

// flush emits what has no line end yet.
func (l *lineWriter) flush() {
	if len(l.pending) > 0 {
		l.emit(string(bytes.TrimRight(l.pending, "\r")))
		l.pending = nil
	}
}

// drain copies from until its end to the remembered tail, to w and, by lines, to onLine, and closes from. Between reading and writing is a
// queue, so that a slow w does not stop the guest at once. It returns when everything has been written.
func drain(from io.ReadCloser, remembered *tail, w io.Writer, onLine func(string)) {
	defer from.Close()
	chunks := make(chan []byte, queuedChunks)
	go func() {
		defer close(chunks)
		for {
			chunk := make([]byte, chunkSize)
			n, err := from.Read(chunk)
			chunks <- chunk[:n]
			if err != nil {
				return
			}
		}
	}()
	lines := &lineWriter{emit: onLine}
	for chunk := range chunks {
		_, _ = remembered.Write(chunk)
		if w != nil {
			_, _ = w.Write(chunk)
		}
		if onLine != nil {
			_, _ = lines.Write(chunk)
		}
	}
	if onLine != nil {
		lines.flush()
	}
}
