package wire

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/history"
)

func TestMessagesArriveAsSentAndInOrder(t *testing.T) {
	var pipe bytes.Buffer
	sent := []ToHost{
		{Hello: &Hello{Release: "6.12", CPUs: 1}}, {Phase: "run"}, {Ask: &Ask{ID: 1, Op: "hold writes f 0 64k"}},
		{Event: &history.Event{Kind: history.Invoke, Op: 3, Text: "line\nbreak"}}, {Done: &Done{Hang: true}},
	}
	c := NewConn(&pipe)
	for _, m := range sent {
		if err := c.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range sent {
		var got ToHost
		if err := c.Receive(&got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	if err := c.Receive(&ToHost{}); !errors.Is(err, ErrEnded) {
		t.Errorf("at the end: %v", err)
	}
}

func TestWhatIsNoMessageIsQuotedInTheError(t *testing.T) {
	c := NewConn(bytes.NewBufferString("Kernel panic - not syncing\n"))
	if err := c.Receive(&ToHost{}); err == nil || !strings.Contains(err.Error(), "Kernel panic") {
		t.Errorf("got %v", err)
	}
}
