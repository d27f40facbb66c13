package vm

import (
	"fmt"
	"io"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/hosttest"
	"github.com/iomapcheck/iomapcheck/harness/target"
	"github.com/iomapcheck/iomapcheck/harness/wire"
)

// What is aimed at, as parts of something measured in the same round, and a rate.
const (
	coldOfVirtme   = 0.75 // a first result without snapshots, of what virtme-ng takes to run true
	cloneOfCold    = 0.08 // a first result from a snapshot, of one without
	casesPerMinute = 300
)

// BenchmarkSideBySide measures, round by round, what lies between a command and the first result of a program on a mounted file system:
//
//	plain    QEMU as it comes, the distribution's bzImage, until our first process speaks; no program, no file system
//	vng      virtme-ng runs true in the same kernel, where it is installed; no file system
//	cold     a new target without snapshots: image, boot, mkfs, mount, first operation returned
//	clone    a target with snapshots, no clone waiting: QEMU, state, first operation returned
//	pooled   the same with a clone waiting
//	copy     a target with a warm machine, no copy waiting
//	waiting  the same with a copy waiting
//
// and then how many cases a minute get through, one after the other and one a processor. make bench-vm runs it; the medians are its metrics.
// The machine should be idle: a busy one changes the rates, and less so the ratios.
func BenchmarkSideBySide(b *testing.B) {
	s := &sides{agent: hosttest.Program(b), took: map[string][]time.Duration{}}
	cold := opened(b, Config{Agent: s.agent, Cold: true})
	unpooled := opened(b, Config{Agent: s.agent, Clones: true})
	unpooled.pool = newPool(0, unpooled.clone)
	pooled := opened(b, Config{Agent: s.agent, Clones: true})
	runs(b, unpooled, small(b, "xfs"))
	runs(b, pooled, small(b, "xfs"))
	uncopied, copied := opened(b, Config{Agent: s.agent}), opened(b, Config{Agent: s.agent})
	uncopied.pool = newPool(0, uncopied.fresh)
	warmUpFor(b, uncopied)
	warmUpFor(b, copied)
	for b.Loop() {
		s.take("plain", func() time.Duration { return plainBoot(b, cold) })
		if vng, err := osexec.LookPath("vng"); err == nil {
			s.take("vng", func() time.Duration { return virtme(b, vng, cold) })
		}
		s.take("cold", func() time.Duration { return s.coldResult(b) })
		s.take("clone", func() time.Duration { return firstResult(b, unpooled) })
		pooled.pool.owned.Wait()
		s.take("pooled", func() time.Duration { return firstResult(b, pooled) })
		uncopied.pool.owned.Wait()
		s.take("copy", func() time.Duration { return firstResult(b, uncopied) })
		copied.pool.owned.Wait()
		s.take("waiting", func() time.Duration { return firstResult(b, copied) })
	}
	for name := range s.took {
		b.ReportMetric(s.median(name).Seconds(), name+"-s")
	}
	b.ReportMetric(throughput(b, copied, 1), "cases/min")
	b.ReportMetric(throughput(b, copied, runtime.NumCPU()), "cases/min-parallel")
	b.ReportMetric(throughput(b, pooled, runtime.NumCPU()), "clones/min-parallel")
	b.ReportMetric(0, "ns/op")
	s.judge(b)
}

// sides are the durations of each side, a round each.
type sides struct {
	agent string
	took  map[string][]time.Duration
}

func (s *sides) take(name string, measure func() time.Duration) {
	s.took[name] = append(s.took[name], measure())
}

func (s *sides) median(name string) time.Duration {
	all := slices.Sorted(slices.Values(s.took[name]))
	return all[len(all)/2]
}

// judge says which aims are met.
func (s *sides) judge(b *testing.B) {
	ratio := func(a, of string) float64 { return s.median(a).Seconds() / s.median(of).Seconds() }
	b.Logf("cold is %.2f of plain; clone %.3f, pooled %.3f, copy %.3f and waiting copy %.3f of cold (aim %.2f)", ratio("cold", "plain"),
		ratio("clone", "cold"), ratio("pooled", "cold"), ratio("copy", "cold"), ratio("waiting", "cold"), cloneOfCold)
	if s.took["vng"] != nil {
		b.Logf("cold is %.2f of virtme-ng (aim %.2f)", ratio("cold", "vng"), coldOfVirtme)
	}
	b.Logf("aim: %d cases a minute", casesPerMinute)
}

// firstResult runs a small job and returns when its first operation had returned, since the job was given.
func firstResult(b *testing.B, tg *Target) time.Duration {
	b.Helper()
	job := small(b, "xfs")
	began, first := time.Now(), time.Duration(0)
	job.Watch = func(doing string) {
		if strings.HasPrefix(doing, "main is at op 1") {
			first = time.Since(began)
		}
	}
	runs(b, tg, job)
	return first
}

// warmUpFor has the target's machines be copies.
func warmUpFor(b *testing.B, tg *Target) {
	b.Helper()
	for range worthwhile + 1 {
		runs(b, tg, small(b, "xfs"))
		tg.pool.owned.Wait()
	}
}

// coldResult is firstResult of a target that was not open before.
func (s *sides) coldResult(b *testing.B) time.Duration {
	b.Helper()
	began := time.Now()
	tg := opened(b, Config{Agent: s.agent, Cold: true})
	defer tg.Close()
	prepared := time.Since(began)
	return prepared + firstResult(b, tg)
}

// plainBoot starts QEMU with little more than a kernel and our image, as one would by hand: once more if it dies, as two emulated
// processors of a QEMU before 10 sometimes do.
func plainBoot(b *testing.B, tg *Target) time.Duration {
	b.Helper()
	took, err := bootPlainly(b, tg)
	if err != nil {
		b.Logf("plain boot: %v; once more", err)
		took, err = bootPlainly(b, tg)
	}
	if err != nil {
		b.Fatalf("plain boot: %v", err)
	}
	return took
}

func bootPlainly(b *testing.B, tg *Target) (time.Duration, error) {
	b.Helper()
	path := filepath.Join(b.TempDir(), "port")
	listener, err := net.Listen("unix", path)
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	began := time.Now()
	vm := osexec.CommandContext(b.Context(), tg.binary.Path, "-M", "q35", "-m", "1024", "-smp", "2", "-display", "none", "-no-reboot",
		"-kernel", tg.kernel.Image, "-initrd", tg.image.Path, "-append", "console=ttyS0 panic=-1 rdinit=/init", "-serial", "null",
		"-device", "virtio-serial-pci", "-chardev", "socket,id=port,path="+path, "-device", "virtserialport,chardev=port,name="+wire.PortName)
	if err := vm.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { _, _ = vm.Process.Kill(), vm.Wait() }()
	port, err := listener.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer port.Close()
	if err := port.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		b.Fatal(err)
	}
	if _, err := io.ReadFull(port, make([]byte, 1)); err != nil {
		return 0, err
	}
	return time.Since(began), nil
}

// virtme has virtme-ng run true in the same kernel.
func virtme(b *testing.B, vng string, tg *Target) time.Duration {
	b.Helper()
	began := time.Now()
	run := osexec.CommandContext(b.Context(), vng, "--run", tg.kernel.Image, "--force-9p", "--disable-kvm", "--", "true")
	run.Env = append(os.Environ(), "HOME="+b.TempDir())
	if out, err := run.CombinedOutput(); err != nil {
		b.Fatalf("%v: %v\n%s", run.Args, err, out)
	}
	return time.Since(began)
}

// throughput is how many small cases a minute get through, workers of them at a time.
func throughput(b *testing.B, tg *Target, workers int) float64 {
	b.Helper()
	const each = 30
	jobs := make(chan target.Job, each*workers)
	for i := range each * workers {
		job := small(b, "xfs")
		job.Name = fmt.Sprint(job.Name, i)
		jobs <- job
	}
	close(jobs)
	began := time.Now()
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for job := range jobs {
				if err := tg.Run(b.Context(), job, func(target.Execution) bool { return false }); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	return each * float64(workers) / time.Since(began).Minutes()
}
