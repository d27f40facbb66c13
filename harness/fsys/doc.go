// Package fsys is how each file system under test is made and mounted.
//
// A file system is made the same every time: with a fixed UUID, nothing discarded, and everything written by mkfs, so that no
// background initialization touches the device while a program runs.
package fsys
