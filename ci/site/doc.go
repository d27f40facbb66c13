// Package site makes a static site of a report: pages that link only each other, with one style sheet, no script, and pictures that stand in
// the pages. It works from file://, on a phone, in the dark, and printed.
//
//	index.html       findings, what changed, every kernel and file system now and over time, trends, runs
//	theme-T.html     a theme's cases × kernels and file systems
//	case-C.html      a case: rule, program, every verdict with its witness and its past
//	finding-F.html   a bad verdict: where and since when, program, swim lanes, console, commands
//	known.html       the divergences that the catalogue lists, and where they showed
package site
