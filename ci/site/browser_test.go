package site

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The widths, in CSS pixels, at which pages are looked at: a phone's and a desktop's.
const (
	phone   = 390
	desktop = 1280
)

// seen is what the browser says of a page in a frame.
type seen struct {
	Page        string
	Width       int
	Wide        int // how wide the page's content is
	Ground      string
	Text        string
	Figures     int // pictures that are not empty
	Widest      string
	Unreachable int // elements that are cut off, and cannot be scrolled to
}

// measuring is a page that shows others in frames of both widths, and writes down what it sees.
func measuring(names []string) string {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html><body><pre id=result></pre>\n")
	for _, name := range names {
		for _, width := range []int{phone, desktop} {
			fmt.Fprintf(&b, "<iframe src=%q width=%d height=900 style=border:0></iframe>\n", html.EscapeString(name), width)
		}
	}
	b.WriteString(`<script>
addEventListener("load", () => {
  const all = [...document.querySelectorAll("iframe")].map(f => {
    const d = f.contentDocument, root = d.documentElement, style = f.contentWindow.getComputedStyle(d.body);
    let widest = "", unreachable = 0;
    for (const e of d.querySelectorAll("body *")) {
      if (e.closest(".scroll, pre, svg")) continue;
      const right = e.getBoundingClientRect().right;
      if (right > root.clientWidth + 1) { widest = e.tagName + "." + e.className; unreachable++; }
    }
    return {Page: f.getAttribute("src"), Width: +f.width, Wide: root.scrollWidth, Ground: style.backgroundColor, Text: style.color,
      Figures: [...d.querySelectorAll("svg")].filter(s => s.getBoundingClientRect().width > 50 && s.childElementCount > 3).length, Widest: widest, Unreachable: unreachable};
  });
  document.getElementById("result").textContent = JSON.stringify(all);
});
</script>`)
	return b.String()
}

// browser is Chromium's path.
func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("IOMAPCHECK_REQUIRE_BROWSER") == "1" {
		t.Fatal("there is no Chromium: as root, apt-get install chromium")
	}
	t.Skip("there is no Chromium here; make unit installs it")
	return ""
}

// looked shows a site's pages in the browser, in a scheme.
func looked(t *testing.T, dir, scheme string) []seen {
	t.Helper()
	path := browser(t)
	names, err := filepath.Glob(filepath.Join(dir, "*.html"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range names {
		names[i] = filepath.Base(names[i])
	}
	files := http.FileServer(http.Dir(dir))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/measuring" {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, measuring(names))
			return
		}
		files.ServeHTTP(w, r)
	}))
	defer server.Close()
	// Blink numbers the dark scheme 0 and the light one 1.
	number := map[string]string{"dark": "0", "light": "1"}[scheme]
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(), "--blink-settings=preferredColorScheme="+number,
		"--virtual-time-budget=20000", "--dump-dom", server.URL+"/measuring")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("show the site in %s: %v", path, err)
	}
	_, rest, _ := strings.Cut(string(out), `<pre id="result">`)
	text, _, _ := strings.Cut(rest, "</pre>")
	var all []seen
	if err := json.Unmarshal([]byte(html.UnescapeString(text)), &all); err != nil {
		t.Fatalf("the browser measured nothing: %v\n%s", err, out)
	}
	return all
}

func TestPagesFitAPhoneAndADesktopByDayAndByNight(t *testing.T) {
	dir := made(t, recorded(t), Options{})
	ground := map[string]string{}
	for _, scheme := range []string{"light", "dark"} {
		pictures := 0
		for _, s := range looked(t, dir, scheme) {
			for _, f := range misfits(s) {
				t.Errorf("%s, %d wide, %s: %s", s.Page, s.Width, scheme, f)
			}
			ground[scheme] = s.Ground
			pictures += s.Figures
		}
		if pictures < 2*2*3 {
			t.Errorf("%s: only %d pictures are to be seen", scheme, pictures)
		}
	}
	if ground["light"] != "rgb(255, 255, 255)" || ground["dark"] == ground["light"] {
		t.Errorf("the grounds are %v", ground)
	}
}

// misfits are what is wrong with how a page stands in its frame.
func misfits(s seen) []string {
	var out []string
	if s.Wide > s.Width {
		out = append(out, fmt.Sprintf("the page is %d wide: it scrolls sideways", s.Wide))
	}
	if s.Unreachable > 0 {
		out = append(out, fmt.Sprintf("%d elements reach beyond it, %s for one", s.Unreachable, s.Widest))
	}
	if s.Text == s.Ground {
		out = append(out, "the text has the ground's colour "+s.Text)
	}
	return out
}

func TestAPageThatIsTooWideIsFound(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "wide.html"), []byte("<!DOCTYPE html><body><div style='width:500px'>x</div>"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, s := range looked(t, dir, "light") {
		if got := len(misfits(s)) > 0; got != (s.Width == phone) {
			t.Errorf("%d wide: misfits %v", s.Width, misfits(s))
		}
	}
}
