package refengine

// WatchLivelock has the scheduler look for livelock from here on: files whose sizes, blocks and caches come back to the same for ever while
// every task does what it can. A program that repeats an operation more than 64 times declares its counter by sched.Task.Local,
// or is taken for one. It costs a hash of every cached byte a step: it is for programs that are suspected.
func (m *Machine) WatchLivelock() {
	m.s.Watch(func() uint64 {
		h := uint64(m.disk.Flying())
		for _, ino := range m.inodes {
			h = h*0x9e3779b97f4a7c15 ^ ino.Digest()
		}
		return h
	})
}
