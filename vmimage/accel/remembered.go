package accel

import (
	"encoding/json"
	"os"
)

// Remembered returns what an earlier probe found out since the host booted, and false if there was none. It boots nothing.
func (p Prober) Remembered() (Choice, bool) {
	choice := Choice{Cached: true}
	text, err := os.ReadFile(p.Cache.Path("accel", p.key()+".json"))
	if err != nil || json.Unmarshal(text, &choice) != nil {
		return Choice{}, false
	}
	return choice, true
}
