package userland

import (
	"os"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// class is the cache class of guest tools.
const class = "userland"

// key names the entry: it changes with the tools.
func key() string {
	parts := []string{layout}
	for _, tool := range tools() {
		parts = append(parts, tool.pkg, tool.name, tool.guest)
	}
	return cache.Key(parts...)
}

// Cached reports whether the guest's tools are in the cache, so that Resolve fetches nothing.
func Cached(dir cache.Dir) bool {
	_, err := os.Stat(dir.Path(class, key()))
	return err == nil
}
