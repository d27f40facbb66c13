package inside

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// load keeps $TEST_DIR's file system and the page cache busy with writers, each in a file of its own.
type load struct {
	cancel  context.CancelFunc
	writers sync.WaitGroup
	// open is held for reading by each writer whose file is open: a file system with open files cannot be unmounted.
	open sync.RWMutex
}

// start starts as many writers as $LOAD_FACTOR has beyond one. They end with stop.
func (l *load) start(e Environment) {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	for i := 1; i < e.LoadFactor && e.TestDir != ""; i++ {
		path := filepath.Join(e.TestDir, fmt.Sprintf("iomapcheck-load-%d-%d", os.Getpid(), i))
		l.writers.Go(func() { l.write(ctx, path) })
	}
}

// stop waits for the writers' end.
func (l *load) stop() {
	l.cancel()
	l.writers.Wait()
}

// paused carries something out while no writer has its file open.
func (l *load) paused(do func() error) error {
	l.open.Lock()
	defer l.open.Unlock()
	return do()
}

// write writes a file over and over.
func (l *load) write(ctx context.Context, path string) {
	defer os.Remove(path)
	piece := make([]byte, 64<<10)
	for ctx.Err() == nil {
		if err := l.round(ctx, path, piece); err != nil {
			return
		}
	}
}

// loadSize is how large the file of a writer gets, in bytes.
const loadSize = 16 << 20

// round writes the file once, and has it synced. On a file system that is full the file stays shorter.
func (l *load) round(ctx context.Context, path string, piece []byte) error {
	l.open.RLock()
	defer l.open.RUnlock()
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	for off := int64(0); off < loadSize && ctx.Err() == nil && err == nil; off += int64(len(piece)) {
		_, err = f.WriteAt(piece, off)
	}
	_ = f.Sync() // whether it works is not what is tested
	f.Close()
	return nil
}
