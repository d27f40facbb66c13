// Package pressure gives the tasks of a program a memory cgroup of their own: limits, and what the kernel did for them.
package pressure
