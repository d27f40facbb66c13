package main

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestTheEscapeKeyEndsTheInputWithWhatWasTypedBefore(t *testing.T) {
	for text, want := range map[string]string{"ls\n\x1dnever": "ls\n", "\x1d": "", "no key": "no key"} {
		escaped := false
		got, err := io.ReadAll(&escapable{strings.NewReader(text), func() { escaped = true }})
		if err != nil || string(got) != want || escaped != strings.Contains(text, "\x1d") {
			t.Errorf("%q: %q, %v, escaped %v", text, got, err, escaped)
		}
	}
	broken := errors.New("broken")
	if _, err := io.ReadAll(&escapable{iotest.ErrReader(broken), func() { t.Error("escaped") }}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNoTerminalIsNone(t *testing.T) {
	if isTerminal(strings.NewReader("")) || isTerminal(nil) {
		t.Error("a reader passes for a terminal")
	}
}
