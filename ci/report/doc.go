// Package report says what kept runs show: the newest verdict of every cell (target, kernel, file system, case), what changed and since when,
// and how durations and witnesses developed. It writes that as text, markdown, a mail, JUnit's XML and JSON; package ci/site makes pages
// of it.
package report
