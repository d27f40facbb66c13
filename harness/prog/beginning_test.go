package prog

import "testing"

func TestProgramsShareWhatTheyBeginWith(t *testing.T) {
	const setup = "write f 0 64k o\nfsync f\ngo w {\n  direct-write f 0 4k n\n  fsync f\n}\n"
	parse := func(text string) Program {
		t.Helper()
		p, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	tests := []struct {
		name, text string
		others     []string
		want       int
	}{
		{"up to where one differs", setup + "join w\nread f 0 64k\n", []string{setup + "read f 0 64k\njoin w\n", setup + "join w\nread f 0 4k\n"}, 5},
		{"further with those that differ later", setup + "join w\nread f 0 64k\n", []string{setup + "join w\nread f 0 4k\n", setup + "join w\nload f 0 4k\n"}, 6},
		{"not with too few", setup + "join w\nread f 0 64k\n", []string{setup + "join w\nread f 0 4k\n"}, 0},
		{"not with itself", setup + "join w\n", []string{setup + "join w\n", setup + "join w\n"}, 0},
		{"an expectation that differs", "write f 0 4k o\nread f 0 4k = o\n", []string{"write f 0 4k o\nread f 0 4k ? o|n\n", "write f 0 4k o\nread f 0 4k\n"}, 1},
		{"not a part of a task", "go w {\n  fsync f\n  read f 0 4k\n}\njoin w\n", []string{"go w {\n  fsync f\n  read f 0 8k\n}\njoin w\n", "go w {\n  fsync f\n  load f 0 4k\n}\njoin w\n"}, 0},
		{"not beyond a held read", "write f 0 4k o\nhold reads\nfsync f\nread f 0 4k\n", []string{"write f 0 4k o\nhold reads\nfsync f\n", "write f 0 4k o\nhold reads\nfsync f\nload f 0 4k\n"}, 1},
		{"not beyond a remount", "write f 0 4k o\nremount\nread f 0 4k\n", []string{"write f 0 4k o\nremount\nload f 0 4k\n", "write f 0 4k o\nremount\nfsync f\n"}, 1},
		{"not with other files", "write f 0 4k o\nread f 0 4k\n", []string{"write f 0 4k o\nread g 0 4k\n", "write f 0 4k o\nwrite h 0 4k a\n"}, 0},
		{"not with longer files", "write f 0 4k o\nread f 0 4k\n", []string{"write f 0 4k o\nread f 0 8k\n", "write f 0 4k o\nread f 4k 4k\n"}, 0},
		{"not where power is cut", "write f 0 4k o\nfsync f\ncut\n", []string{"write f 0 4k o\nread f 0 4k\n", "write f 0 4k o\nload f 0 4k\n"}, 0},
		{"not where memory is limited", "write f 0 4k o\nread f 0 4k\n", []string{"write f 0 4k o\nmemory max 8m\n", "write f 0 4k o\nmemory high 8m\n"}, 0},
	}
	for _, tt := range tests {
		var others []Program
		for _, o := range tt.others {
			others = append(others, parse(o))
		}
		if got := parse(tt.text).Beginning(others, 2); got != tt.want {
			t.Errorf("%s: %d operations, want %d", tt.name, got, tt.want)
		}
	}
}
