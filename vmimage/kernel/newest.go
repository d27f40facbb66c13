package kernel

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// newestClass is the cache class of answers: which cached kernel is the newest of a series, as long as the package lists are the same.
// Asking apt takes seconds, with the lists of all suites.
const newestClass = "newest"

// Answers that were not used for so long are of older lists.
const (
	keepAnswers = 32
	idleAnswer  = 24 * time.Hour
)

// remembered returns the kernel that the archive's lists, unchanged since, were found to have as the newest of series.
func (r Resolver) remembered(ctx context.Context, series string) (*Kernel, bool) {
	lists, current := r.Archive.Current()
	if !current {
		return nil, false
	}
	name, err := os.ReadFile(r.Cache.Path(newestClass, answerKey(series, lists)))
	if err != nil {
		return nil, false
	}
	_, version, _ := strings.Cut(string(name), "_")
	kernel, err := r.unpacked(ctx, r.Cache.Path(class, string(name)), version)
	return kernel, err == nil
}

// remember keeps the answer. It is of no use while the lists are out of date.
func (r Resolver) remember(ctx context.Context, series string, kernel *Kernel) error {
	lists, current := r.Archive.Current()
	if !current {
		return nil
	}
	name := entryName(kernel.Release, kernel.PackageVersion)
	_, err := r.Cache.Publish(ctx, newestClass, answerKey(series, lists), func(path string) error {
		return os.WriteFile(path, []byte(name), 0o644)
	})
	if err != nil {
		return err
	}
	return r.Cache.Prune(ctx, newestClass, keepAnswers, idleAnswer)
}

func answerKey(series string, lists time.Time) string {
	return cache.Key(series, lists.UTC().Format(time.RFC3339Nano))
}
