//go:build !amd64

package fork

import (
	"errors"
	"os"
)

// Origin is a process that was stopped for good, of which copies can be made; on this processor there is none.
type Origin struct{}

var errProcessor = errors.New("processes can be copied on x86-64 alone")

// Freeze is an error.
func Freeze(int, []int) (*Origin, error) { return nil, errProcessor }

// Fork is an error.
func (*Origin) Fork(map[int]*os.File) (int, error) { return 0, errProcessor }

// Close does nothing.
func (*Origin) Close() {}
