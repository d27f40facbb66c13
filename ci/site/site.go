package site

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/iomapcheck/iomapcheck/ci/report"
)

//go:embed pages/*.html pages/style.css
var pages embed.FS

// Options bound a site.
type Options struct {
	// Findings is how many findings get a page of their own, of different cases first, and the worst of those; of the others their cases' pages
	// say how to run them again. 0 is DefaultFindings.
	Findings int
}

// DefaultFindings keeps a site of thousands of failures below some megabytes.
const DefaultFindings = 80

// marker is the file by which a site's folder is known again.
const marker = ".iomapcheck-site"

// Write makes the site in a folder: a new or empty one, or one that holds a site, which is replaced.
func Write(r *report.Report, dir string, o Options) error {
	if err := clear(dir); err != nil {
		return fmt.Errorf("make site: %w", err)
	}
	s, err := newSite(r, dir, o)
	if err != nil {
		return fmt.Errorf("make site: %w", err)
	}
	if err := errors.Join(s.index(), s.themes(), s.cases(), s.findings(), s.known(), s.style()); err != nil {
		return fmt.Errorf("make site in %s: %w", dir, err)
	}
	return nil
}

// clear makes the folder ready: what is not a site is not touched.
func clear(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, marker)); err != nil && len(entries) > 0 {
		return fmt.Errorf("%s has files in it and is no site of ours: name a folder that is empty or does not exist", dir)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".html") {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(filepath.Join(dir, marker), nil, 0o644)
}

// site is a site in the making.
type site struct {
	*report.Report
	dir       string
	templates *template.Template
	// paged are the findings that have a page, by their bad cells.
	paged map[*report.Cell]*report.Finding
	// themeNames are the themes that cells have.
	themeNames []string
}

func newSite(r *report.Report, dir string, o Options) (*site, error) {
	s := &site{Report: r, dir: dir, paged: map[*report.Cell]*report.Finding{}}
	for _, f := range chosen(r.Findings, cmp.Or(o.Findings, DefaultFindings)) {
		for _, c := range f.Bad() {
			s.paged[c] = f
		}
	}
	for _, c := range r.Cells {
		if t := themeOf(c); !slices.Contains(s.themeNames, t) {
			s.themeNames = append(s.themeNames, t)
		}
	}
	slices.Sort(s.themeNames)
	var err error
	s.templates, err = template.ParseFS(pages, "pages/*.html")
	return s, err
}

// chosen are n of the findings: one of each case, the worst first, then the others.
func chosen(all []*report.Finding, n int) []*report.Finding {
	var first, more []*report.Finding
	seen := map[string]bool{}
	for _, f := range all {
		if id := f.Shown.Last().Case; seen[id] {
			more = append(more, f)
		} else {
			seen[id] = true
			first = append(first, f)
		}
	}
	return append(first, more...)[:min(n, len(all))]
}

// page is what every template gets.
type page struct {
	Title string
	// Here is the page's name in the navigation.
	Here string
	Run  report.Summary
	// Themes are for the navigation.
	Themes []string
	Data   any
}

// write renders a page.
func (s *site) write(file, name, title, here string, data any) error {
	var b bytes.Buffer
	if err := s.templates.ExecuteTemplate(&b, name, page{title, here, s.Newest(), s.themeNames, data}); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.dir, file), b.Bytes(), 0o644)
}

func (s *site) style() error {
	text, err := pages.ReadFile("pages/style.css")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.dir, "style.css"), text, 0o644)
}
