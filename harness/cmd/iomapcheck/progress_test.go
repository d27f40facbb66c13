package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

func TestProgressStaysOnOneLineAndLeavesNothingBehind(t *testing.T) {
	var terminal bytes.Buffer
	never := time.NewTicker(time.Hour)
	p := startProgress(&terminal, func() int { return 20 }, never)
	p.set("a text that is longer than the terminal is wide")
	p.draw()
	if err := p.println(&terminal, "verdict"); err != nil {
		t.Fatal(err)
	}
	p.set("short")
	p.draw()
	p.close()
	want := "\r  0s a text that is" + "\r                   \rverdict\n" + "\r  0s short" + "\r          \r"
	if got := terminal.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestThereIsNoProgressInFilesNorInCI(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if newProgress(file) != nil || newProgress(&strings.Builder{}) != nil {
		t.Error("progress would be written to something that is no terminal")
	}
	var none *progress
	none.set("nothing")
	if err := none.println(file, "a line"); err != nil {
		t.Error(err)
	}
	none.close()
}
