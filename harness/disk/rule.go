package disk

import (
	"slices"
	"time"
)

// ruleKind is what a rule does.
type ruleKind uint8

const (
	ruleFail ruleKind = iota
	ruleDelay
	ruleLose
	ruleStale
)

// rule changes what happens to the requests it matches. Disk.mu protects the list of them.
type rule struct {
	kind  ruleKind
	match Match
	// left is for how many requests it still applies; negative is without end. A rule with none left is removed.
	left  int
	errno Errno
	delay time.Duration
}

// Fail answers the next count matching requests with errno instead of carrying them out; a negative count means until
// ClearRules. A held request meets the rule when it is released.
//
// QEMU stops the guest at ENOSPC for a write (Shelve makes use of it), and with some settings at EIO, unless the device has werror=report and
// rerror=report. A Linux guest sees EIO for most of them.
func (d *Disk) Fail(m Match, errno Errno, count int) {
	d.addRule(rule{kind: ruleFail, match: m, errno: errno, left: count})
}

// Delay keeps each of the next count matching requests for a time before it is carried out and answered; a negative count means
// until ClearRules. A request that a hold keeps is not delayed.
func (d *Disk) Delay(m Match, by time.Duration, count int) {
	d.addRule(rule{kind: ruleDelay, match: m, delay: by, left: count})
}

// Lose answers the next count matching writes, trims and zeroings with success and does not carry them out; a negative count
// means until ClearRules. It is a broken disk, there to prove that a judge notices one.
func (d *Disk) Lose(m Match, count int) {
	m.Ops &= Writes | Trims
	d.addRule(rule{kind: ruleLose, match: m, left: count})
}

// LoseFlushes answers the next count flushes with success and makes nothing durable by them; a negative count means until ClearRules. It
// is a broken disk, as Lose's.
func (d *Disk) LoseFlushes(count int) {
	d.addRule(rule{kind: ruleLose, match: Match{Ops: Flushes}, left: count})
}

// Stale answers the next count matching reads with the contents as of MarkStale, or as of now if that was never called; a
// negative count means until ClearRules. It is a broken disk, there to prove that a judge notices one.
func (d *Disk) Stale(m Match, count int) {
	m.Ops &= Reads
	d.mu.Lock()
	if d.mark == nil {
		d.mark = d.snapshotLocked()
	}
	d.mu.Unlock()
	d.addRule(rule{kind: ruleStale, match: m, left: count})
}

// MarkStale makes the present contents what a Stale rule answers with from now on.
func (d *Disk) MarkStale() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mark = d.snapshotLocked()
}

// ClearRules ends every Fail, Delay, Lose and Stale. Holds go on, and what is being delayed stays so.
func (d *Disk) ClearRules() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rules = nil
}

func (d *Disk) addRule(r rule) {
	if r.left == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rules = append(d.rules, r)
}

// takeRuleLocked uses up one application of the oldest rule of the kind that matches the request, and returns the rule, nil if
// there is none. d.mu must be held.
func (d *Disk) takeRuleLocked(kind ruleKind, p *pending) *rule {
	for i := range d.rules {
		r := d.rules[i]
		if r.kind != kind || !d.matches(r.match, p) {
			continue
		}
		if r.left > 0 {
			d.rules[i].left--
		}
		if d.rules[i].left == 0 {
			d.rules = slices.Delete(d.rules, i, i+1)
		}
		return &r
	}
	return nil
}

// delayLocked keeps a request until its time is over. d.mu must be held.
func (d *Disk) delayLocked(p *pending, by time.Duration) {
	d.recordLocked(Event{What: Delayed, Request: p.Request})
	d.delayed[p.ID] = p
	d.afterStop.Add(1)
	p.timer = time.AfterFunc(by, func() {
		defer d.afterStop.Done()
		d.endDelay(p)
	})
}

// endDelay carries a delayed request out, unless it has been taken away since.
func (d *Disk) endDelay(p *pending) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.delayed[p.ID] != p {
		return
	}
	delete(d.delayed, p.ID)
	d.finishLocked(p, time.Now())
}

// undelayLocked takes a request out of its delay. d.mu must be held.
func (d *Disk) undelayLocked(p *pending) {
	delete(d.delayed, p.ID)
	if p.timer.Stop() {
		d.afterStop.Done()
	}
}
