package main

import "testing"

func TestASeriesIsAPrefixOfWholeNumbers(t *testing.T) {
	for _, c := range []struct {
		release string
		series  []string
		want    bool
	}{
		{"6.12.1-amd64", nil, true},
		{"6.12.1-amd64", []string{"6.12"}, true},
		{"6.12.1-amd64", []string{"6.1", "debian:6.12"}, true},
		{"6.12.1-amd64", []string{"6.1"}, false},
		{"6.12.1-amd64", []string{"6.12.1-amd64"}, true},
	} {
		if got := ofSeries(c.release, c.series); got != c.want {
			t.Errorf("ofSeries(%s, %v) = %t", c.release, c.series, got)
		}
	}
}
