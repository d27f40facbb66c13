// Package ci holds what continuous integration runs and checks: the rules of the repository as tests.
package ci
