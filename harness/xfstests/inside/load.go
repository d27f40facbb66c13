package inside

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// startLoad keeps $TEST_DIR's file system and the page cache busy with as many writers as $LOAD_FACTOR has beyond one, each in a file of its own, until
// stop, which waits for them.
func (e Environment) startLoad() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var writers sync.WaitGroup
	for i := 1; i < e.LoadFactor && e.TestDir != ""; i++ {
		path := filepath.Join(e.TestDir, fmt.Sprintf("iomapcheck-load-%d-%d", os.Getpid(), i))
		writers.Go(func() { write(ctx, path) })
	}
	return func() {
		cancel()
		writers.Wait()
	}
}

// loadSize is how large the file of a writer gets, in bytes.
const loadSize = 16 << 20

// write writes a file over and over, with a sync each time. A file system that is full, or being unmounted, is loaded less.
func write(ctx context.Context, path string) {
	defer os.Remove(path)
	piece := make([]byte, 64<<10)
	for ctx.Err() == nil {
		f, err := os.Create(path)
		if err != nil {
			return
		}
		for off := int64(0); off < loadSize && ctx.Err() == nil && err == nil; off += int64(len(piece)) {
			_, err = f.WriteAt(piece, off)
		}
		_ = f.Sync() // whether it works is not what is tested
		f.Close()
	}
}
