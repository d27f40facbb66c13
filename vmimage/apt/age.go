package apt

import (
	"os"
	"time"
)

// Updated returns when the package lists were fetched last, and false if they never were.
func (a *Archive) Updated() (time.Time, bool) {
	stamp, err := os.Stat(a.path("updated"))
	if err != nil {
		return time.Time{}, false
	}
	return stamp.ModTime(), true
}
