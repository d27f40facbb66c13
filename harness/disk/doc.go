// Package disk is the programmable disk: a block device in memory, served over NBD, whose requests a program can hold, release,
// fail, delay and record, and whose power it can cut.
package disk
