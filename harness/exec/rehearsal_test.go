package exec

import "testing"

func TestARehearsalComesToItsEnd(t *testing.T) {
	for _, key := range []string{"main", finalKey} {
		if err := rehearseAs(key); err != nil {
			t.Errorf("as %s: %v", key, err)
		}
	}
}
