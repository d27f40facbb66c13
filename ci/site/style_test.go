package site

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// colours are the style sheet's, by name, in the light scheme and in the dark one.
func colours(t *testing.T) (light, dark map[string]string) {
	t.Helper()
	text, err := pages.ReadFile("pages/style.css")
	if err != nil {
		t.Fatal(err)
	}
	before, after, ok := strings.Cut(string(text), "@media (prefers-color-scheme: dark)")
	if !ok {
		t.Fatal("there is no dark scheme")
	}
	after, _, _ = strings.Cut(after, "\n}\n")
	return declared(before), declared(after)
}

func declared(css string) map[string]string {
	out := map[string]string{}
	for _, m := range regexp.MustCompile(`--([a-z-]+):\s*(#[0-9a-f]{6})`).FindAllStringSubmatch(css, -1) {
		out[m[1]] = m[2]
	}
	return out
}

// contrast is that of two colours as WCAG 2 computes it, from 1 to 21.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	la, lb := luminance(t, a), luminance(t, b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		if len(colour) != 7 {
			t.Fatalf("colour %q", colour)
		}
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

// pair is a colour on a ground, with the least contrast that WCAG's level AA wants: 4.5 for text, 3 for what is drawn.
type pair struct {
	front, ground string
	least         float64
}

// pairs are those that the style sheet puts on each other.
func pairs() []pair {
	list := []pair{
		{"fg", "bg", 4.5}, {"fg", "card", 4.5}, {"muted", "bg", 4.5}, {"muted", "card", 4.5}, {"link", "bg", 4.5}, {"link", "card", 4.5},
		{"log", "bg", 4.5}, {"bad", "bg", 4.5},
	}
	for _, v := range []string{"ok", "known", "unsupported", "unexercised", "infra", "drift", "fail", "hang", "crash"} {
		list = append(list, pair{v + "-fg", v + "-bg", 4.5})
	}
	for _, drawn := range []string{"op", "sleep", "held", "fly", "bad", "trace", "log"} {
		list = append(list, pair{drawn, "bg", 3})
	}
	return list
}

func faint(t *testing.T, scheme map[string]string) []string {
	var out []string
	for _, p := range pairs() {
		if c := contrast(t, scheme[p.front], scheme[p.ground]); c < p.least {
			out = append(out, fmt.Sprintf("%s on %s has %.2f, want %.1f", p.front, p.ground, c, p.least))
		}
	}
	return out
}

func TestTextCanBeReadByDayAndByNight(t *testing.T) {
	light, dark := colours(t)
	for scheme, all := range map[string]map[string]string{"light": light, "dark": dark} {
		for _, f := range faint(t, all) {
			t.Errorf("%s: %s", scheme, f)
		}
	}
	// The one is not to be seen in the other.
	light["bg"] = dark["bg"]
	if len(faint(t, light)) == 0 {
		t.Error("dark text on a dark ground is not found")
	}
}

func TestEveryColourIsInBothSchemes(t *testing.T) {
	light, dark := colours(t)
	for name := range light {
		if dark[name] == "" {
			t.Errorf("%s is not in the dark scheme", name)
		}
	}
	if len(light) < 30 || len(light) != len(dark) {
		t.Errorf("%d colours by day, %d by night", len(light), len(dark))
	}
}
