// Package ci holds what continuous integration runs and checks: the rules of the repository as tests, the scripts that the workflows in
// .github run and that run here as well (nightly, fuzz, release, packages), and below it the matrix, reports and their site.
package ci
