package apt

import (
	"os"
	"time"
)

// Updated returns when the package lists were fetched last, and false if they never were. Lists that were fetched before suites were
// asked for do not count.
func (a *Archive) Updated() (time.Time, bool) {
	stamp, err := os.Stat(a.path("updated"))
	if err != nil {
		return time.Time{}, false
	}
	if _, err := os.Stat(a.path(suitesFile)); err != nil {
		return time.Time{}, false
	}
	return stamp.ModTime(), true
}

// Current returns when the package lists were fetched, and false if the next question fetches them anew. As long as it returns the same
// time, the archive offers the same.
func (a *Archive) Current() (time.Time, bool) {
	updated, known := a.Updated()
	return updated, known && time.Since(updated) < maxAge
}
