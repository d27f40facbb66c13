package exec

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iomapcheck/iomapcheck/harness/prog"
)

// floodPiece is how much flood reads at a time, in bytes: its buffer is memory of the task too.
const floodPiece = 64 << 10

// flood reads the range up to the end of the file, and forgets what it read. Its buffer is given back: a task process collects no garbage,
// and what it leaves would count against the limit that the flood is to fill.
func flood(fd int, op prog.Op) outcome {
	buf, err := unix.Mmap(-1, 0, floodPiece, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return result(0, err)
	}
	defer freeBuffer(buf)
	for done := int64(0); done < op.Len; {
		n, err := unix.Pread(fd, buf[:min(floodPiece, op.Len-done)], op.Off+done)
		if n <= 0 || err != nil {
			return result(0, err)
		}
		done += int64(n)
	}
	return outcome{}
}

// hog touches anonymous memory, page by page, and gives it back. Small pages: a huge one that the cgroup cannot pay for is replaced by
// one small page, and the rest is never touched.
func hog(n int64) outcome {
	m, err := unix.Mmap(-1, 0, int(roundUp(n, pageSize)), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return result(0, err)
	}
	_ = unix.Madvise(m, unix.MADV_NOHUGEPAGE) // a kernel without huge pages refuses
	for at := 0; at < len(m); at += pageSize {
		m[at] = 1
	}
	return result(0, unix.Munmap(m))
}

// besideMain is how long a loop beside main rests between its rounds: it is to disturb main, not to take the machine from it. Each round
// leaves some garbage in its process as well, which the process's allowance has to last for.
const besideMain = 20 * time.Millisecond

// endedSoon says whether the task has ended. A loop that goes on until main has ended, which is beside the whole program, rests first.
func (c *conductor) endedSoon(ctx context.Context, task string) bool {
	if p := c.proc(task); task == "main" && p != nil {
		rest := time.NewTimer(besideMain)
		defer rest.Stop()
		select {
		case <-p.ended:
		case <-rest.C:
		case <-ctx.Done():
		}
	}
	return c.hasEnded(task)
}
