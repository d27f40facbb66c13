package reproduce_test

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/iomapcheck/iomapcheck/harness/prog"
	"github.com/iomapcheck/iomapcheck/harness/reproduce"
)

// ranAs compiles a program and runs it in a folder of this machine.
func ranAs(t *testing.T, text string) (said string, code int) {
	t.Helper()
	p, err := prog.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	c, err := reproduce.C(p, reproduce.Circumstances{})
	if err != nil {
		t.Fatal(err)
	}
	return output(t, exec.CommandContext(t.Context(), compiled(t, c, "-O0"), t.TempDir()))
}

func output(t *testing.T, cmd *exec.Cmd) (string, int) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// noDirectIO says whether the folder for temporary files has none.
func noDirectIO(t *testing.T) bool {
	fd, err := syscall.Open(filepath.Join(t.TempDir(), "f"), syscall.O_CREAT|syscall.O_RDWR|syscall.O_DIRECT, 0o600)
	if err == nil {
		syscall.Close(fd)
	}
	return err != nil
}

func TestProgramsRunAsC(t *testing.T) {
	for _, c := range []struct {
		name, program string
		direct        bool
		code          int
		want          string // a line of the output
	}{
		{name: "buffered", code: 0, want: `^good$`,
			program: "write f 0 64k o\nfsync f\nwrite f 100 50 n vectored\nread f 0 200 = o:100,n:50,o:50\nsize f returns 64k\ntruncate f 150\nread f 0 4k returns 150 = o:100,n:50\n"},
		{name: "mapped", code: 0, want: `load f 0 8k = s:4k,\.:4k  => 8192 s:4096,\.:4096`,
			program: "truncate f 8k\nstore f 0 4k s\nload f 0 8k = s:4k,.:4k\nload f 8k 4k fails SIGBUS\nread f 0 8k = s:4k,.:4k\n"},
		{name: "tasks", code: 0, want: `^good$`,
			program: "write f 0 64k o\ngo w {\n  write f 0 4k a\n  write f 4k 4k b\n}\ngo th thread: write f 8k 4k c\njoin w\njoin th\nread f 0 12k = a:4k,b:4k,c:4k\n"},
		{name: "loops", code: 0, want: `^good$`,
			program: "write f 0 16k o\ngo w {\n  repeat 20 {\n    write f 0 16k n\n  }\n}\nuntil w {\n  read f 0 16k ? o|n\n}\nread f 0 16k = n\n"},
		{name: "splice and copy", code: 0, want: `^good$`,
			program: "splice-write f 0 300k o\nsplice-read f 100 200k = o\ncopy-range f 0 4k g 256k\nread g 256k 4k = o\n"},
		{name: "may-block", code: 0, want: `^good$`, program: "write f 0 4k o\nread f 0 4k = o may-block\nsize f returns 4k @s\n"},
		{name: "expectations of errnos", code: 0, want: `fails EFBIG  => .*errno 27`, program: "fallocate f 1 4k collapse-range may-fail EINVAL|EOPNOTSUPP\nfile-limit 4k\nwrite f 8k 4k o fails EFBIG\nclone f f2 may-fail EOPNOTSUPP|EINVAL|EXDEV\nread f 0 4k returns 0\nevict f 0 4k\n"},
		{name: "wrong content", code: 1, want: `^BUG: op 1: read f 0 64k = n: bytes \[0, 65536\) are o:65536, want n$`, program: "write f 0 64k o\nread f 0 64k = n\n"},
		{name: "wrong in the middle", code: 1, want: `^BUG: op 2: read f 0 12k = o: bytes \[4096, 8192\) are n:4096, want o$`, program: "write f 0 12k o\nwrite f 4k 4k n\nread f 0 12k = o\n"},
		{name: "wrong fill", code: 1, want: `^BUG: op 1: read f 0 4k \? n: .*are o:4096, want n$`, program: "write f 0 4k o\nread f 0 4k ? n\n"},
		{name: "wrong count", code: 1, want: `^BUG: op 1: read f 0 8k: returned 4096$`, program: "write f 0 4k o\nread f 0 8k\n"},
		{name: "wrong size", code: 1, want: `^BUG: op 1: size f returns 8k: returned 4096$`, program: "write f 0 4k o\nsize f returns 8k\n"},
		{name: "must fail", code: 1, want: `^BUG: op 0: write f 0 4k o fails ENOSPC: succeeded$`, program: "write f 0 4k o fails ENOSPC\n"},
		{name: "must not fail", code: 1, want: `^BUG: op 1: write f 8k 4k o: failed with .*errno 27\)$`, program: "file-limit 4k\nwrite f 8k 4k o\n"},
		{name: "order", code: 1, want: `^BUG: op 1: read f 0 4k not-before later: returned before op 2`, program: "write f 0 4k o\nread f 0 4k not-before later\nfsync f @later\n"},
		{name: "in another task", code: 1, want: `^BUG: op 2: read f 0 4k = n`, program: "write f 0 4k o\ngo w: read f 0 4k = n\njoin w\n"},
		{name: "progress", code: 1, want: `later operations of w returned before it did, want fewer than 1$`,
			program: "write f 0 32m o\ngo w {\n  until r {\n    size f\n  }\n}\ngo r: read f 0 32m before 1 later w\njoin r\njoin w\n"},
		{name: "direct", direct: true, code: 0, want: `^good$`, program: "direct-write f 0 64k o\ndirect-read f 0 64k = o\nread f 0 64k = o\nwrite f 0 4k n\ndirect-read f 0 8k = n:4k,o:4k vectored\n"},
		{name: "aio", direct: true, code: 0, want: `reap r = a  => 65536 a:65536`, program: "aio-write f 0 64k a as w\nreap w\naio-read f 0 64k as r vectored\nreap r = a\nread f 0 64k = a\n"},
		{name: "aio, wrong", direct: true, code: 1, want: `^BUG: op 3: reap r = b: bytes \[0, 4096\) are a:4096, want b$`, program: "aio-write f 0 4k a as w\nreap w\naio-read f 0 4k as r\nreap r = b\n"},
		{name: "guard", direct: true, code: 0, want: `^good$`, program: "fallocate f 0 64k alloc\nwrite f 0 16k o guard 8k may-fail EFAULT returns 8k\nread f 0 8k = o\n"},
		{name: "via", direct: true, code: 0, want: `^good$`, program: "write g 0 64k o\ndirect-write f 0 64k o via g 0\nread f 0 64k = o\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.direct && noDirectIO(t) {
				t.Skip("the folder for temporary files has no direct I/O")
			}
			said, code := ranAs(t, c.program)
			if code != c.code || !regexp.MustCompile("(?m)"+c.want).MatchString(said) {
				t.Errorf("exit code %d, want %d and %q:\n%s", code, c.code, c.want, said)
			}
		})
	}
}

func TestIoUringRunsAsC(t *testing.T) {
	if _, _, errno := syscall.Syscall(425, 0, 0, 0); errno == syscall.ENOSYS || errno == syscall.EPERM {
		t.Skipf("this machine has no io_uring for us: %v", errno)
	}
	said, code := ranAs(t, "uring-write f 0 64k a as w\nreap w\nuring-read f 0 64k as r vectored\nreap r = a\nread f 0 64k = a\n")
	if code != 0 {
		t.Errorf("exit code %d:\n%s", code, said)
	}
}

func TestASituationThatDoesNotComeAboutIsNotGood(t *testing.T) {
	said, code := ranAs(t, "write f 0 4k o\nread f 0 4k = o @sleepy\nwitness blocked sleepy\n")
	if code != 2 || !regexp.MustCompile(`(?m)^could not be arranged: op 1 \(read f 0 4k = o @sleepy\) was not seen asleep$`).MatchString(said) {
		t.Errorf("exit code %d:\n%s", code, said)
	}
}

// A script, with one wrong expectation in it where wrong says so.
func TestAProgramRunsAsXfsIO(t *testing.T) {
	if _, err := exec.LookPath("xfs_io"); err != nil {
		t.Skip("there is no xfs_io here")
	}
	if noDirectIO(t) {
		t.Skip("the folder for temporary files has no direct I/O")
	}
	const program = "write f 0 64k o\ndirect-write f 4k 4k n\nstore f 0 4k s\nfallocate f 8k 4k punch-hole\nread f 0 16k = s:4k,n:4k,.:4k,o:4k\n" +
		"fsync f\ndirect-read f 4k 8k ? n|.\nload f 0 4k = s\ntruncate f 32k\nsize f returns 32k\n"
	for _, c := range []struct {
		program string
		code    int
		want    string
	}{
		{program, 0, `^good$`},
		{program + "read f 0 4k = o\n", 1, `^BUG: op 10: read f 0 4k = o: read 73:4096, want 6f:4096$`},
		{program + "read f 0 4k ? o|n\n", 1, `^BUG: op 10: .*want \?6f\|6e$`},
		{program + "size f returns 4k\n", 1, `^BUG: op 10: size f returns 4k: 32768$`},
		{program + "fallocate f 1 4k collapse-range\n", 1, `^BUG: op 10: fallocate f 1 4k collapse-range: `},
	} {
		p, err := prog.Parse(c.program)
		if err != nil {
			t.Fatal(err)
		}
		text, err := reproduce.XfsIO(p, reproduce.Circumstances{})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-s", t.TempDir())
		cmd.Stdin = strings.NewReader(text)
		if said, code := output(t, cmd); code != c.code || !regexp.MustCompile("(?m)"+c.want).MatchString(said) {
			t.Errorf("exit code %d, want %d and %q:\n%s", code, c.code, c.want, said)
		}
	}
}
