package exec

import (
	"os"
	osexec "os/exec"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// until looks at a thread until what is seen fits, at most for ten seconds.
func until(t *testing.T, look func(pid, tid int) thread, pid, tid int, what string, fits func(thread) bool) {
	t.Helper()
	var last thread
	for range 2000 {
		if last = look(pid, tid); fits(last) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%s: %+v", what, last)
}

func TestAThreadIsSeenAsleepRunningAndGoneWithOrWithoutItsStatus(t *testing.T) {
	for name, look := range map[string]func(pid, tid int) thread{"syscall": lookAt, "status": byStatus} {
		cmd := osexec.Command("cat")
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		pid := cmd.Process.Pid
		until(t, look, pid, pid, name+": a reader of an empty pipe sleeps", func(s thread) bool { return s.there && s.asleep && s.switches != "" })
		before := look(pid, pid)
		if _, err := in.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		until(t, look, pid, pid, name+": what it did is counted", func(s thread) bool { return s.asleep && s.switches != before.switches })
		in.Close()
		until(t, look, pid, pid, name+": a zombie is not there", func(s thread) bool { return !s.there && !s.asleep })
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		if s := look(pid, pid); s.there || s.asleep {
			t.Errorf("%s: after its end: %+v", name, s)
		}
		spins(t, name, look)
	}
}

// spins looks at a thread that is always runnable.
func spins(t *testing.T, name string, look func(pid, tid int) thread) {
	t.Helper()
	tid := make(chan int)
	var stop atomic.Bool
	go func() {
		runtime.LockOSThread()
		tid <- unix.Gettid()
		for !stop.Load() {
		}
	}()
	defer stop.Store(true)
	id := <-tid
	until(t, look, os.Getpid(), id, name+": a thread that computes does not sleep", func(s thread) bool { return s.there && !s.asleep })
}
