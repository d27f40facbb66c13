package history

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// Write writes the history as JSON lines: the header, then an event a line.
func (h *History) Write(w io.Writer) error {
	enc := json.NewEncoder(w)
	if err := enc.Encode(h.Header); err != nil {
		return fmt.Errorf("write history header: %w", err)
	}
	for i := range h.Events {
		if err := enc.Encode(&h.Events[i]); err != nil {
			return fmt.Errorf("write history event %d: %w", i, err)
		}
	}
	return nil
}

// maxLine bounds one event's text, in bytes.
const maxLine = 4 << 20

// Read reads what Write wrote. A last line that is cut off (the writer died) is an error that says so; the events before it
// are returned with it.
func Read(r io.Reader) (*History, error) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	h := &History{}
	for n := 0; s.Scan(); n++ {
		into := any(&h.Header)
		if n > 0 {
			h.Events = append(h.Events, Event{})
			into = &h.Events[n-1]
		}
		if err := json.Unmarshal(s.Bytes(), into); err != nil {
			return cut(h, n), fmt.Errorf("read history line %d: %w", n+1, err)
		}
	}
	if err := s.Err(); err != nil {
		return h, fmt.Errorf("read history: %w", err)
	}
	return h, nil
}

// cut drops the event that could not be read.
func cut(h *History, line int) *History {
	if line > 0 {
		h.Events = h.Events[:line-1]
	}
	return h
}
