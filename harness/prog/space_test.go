package prog

import "testing"

func TestRequestsInLoopsAreReapedBeforeTheNextTurn(t *testing.T) {
	for text, good := range map[string]bool{
		"repeat 2 {\n  aio-read f 0 4k as r\n  reap r\n}\n":                                 true,
		"repeat 2 {\n  aio-read f 0 4k as r\n}\nreap r\n":                                   false,
		"repeat 2 {\n  reap r\n  aio-read f 0 4k as r\n}\n":                                 false,
		"go w {\n  until main {\n    aio-write f 0 4k n as r\n    reap r\n  }\n}\nsize f\n": true,
	} {
		if _, err := Parse(text); (err == nil) != good {
			t.Errorf("%s%v, want good %v", text, err, good)
		}
	}
}

func TestSpaceOperationsAreChecked(t *testing.T) {
	for text, good := range map[string]bool{
		"fill-disk 0\n":                        true,
		"repeat 2 {\n  fill-disk 0\n}\n":       false,
		"fill-quota 0\n":                       true,
		"repeat 2 {\n  fill-quota 0\n}\n":      false,
		"file-limit 32k\nfile-limit none\n":    true,
		"fill-disk 4k fails ENOSPC\n":          true,
		"file-limit f 32k\n":                   false,
		"write f 0 4k n nowait fails EAGAIN\n": true,
	} {
		if _, err := Parse(text); (err == nil) != good {
			t.Errorf("%s%v, want good %v", text, err, good)
		}
	}
}
