package suite

import "sync"

// progress is what a spec is doing, for Ginkgo's progress reports.
type progress struct {
	mu    sync.Mutex
	doing string
}

func (p *progress) set(doing string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doing = doing
}

// String names the operation at which the spec waits.
func (p *progress) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return "  " + p.doing
}
