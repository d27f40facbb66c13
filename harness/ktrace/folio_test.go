package ktrace

import "testing"

func TestEventsTellTheirFolioWhereTheProbeFetchesIt(t *testing.T) {
	for fields, want := range map[string]string{
		"(folio_unlock+0x0/0x40) folio=0xffffea0000123440": "0xffffea0000123440",
		"dev 254:0 ino 0x83": "",
	} {
		if got := (Event{Fields: fields}).Folio(); got != want {
			t.Errorf("%q: %q, want %q", fields, got, want)
		}
	}
}

func TestFolioArgumentsAreProbesThatTraceFSTakes(t *testing.T) {
	for symbol := range folioArguments() {
		p := Probe{Symbol: symbol, Args: FolioArgument(symbol)}
		if err := (Config{Probes: []Probe{p}}).check(); err != nil {
			t.Error(err)
		}
	}
	if FolioArgument("vfs_read") != "" {
		t.Error("a function without a folio has one")
	}
}
