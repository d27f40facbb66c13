// Package vmimage tests its sub-packages together on a real kernel; it exports nothing.
//
// From the bottom: cache keeps what they make; apt fetches distribution packages without installing them; kernel and userland
// turn packages into something bootable and into a guest's tools; initramfs packs them; qemu, with qmp, runs the result; accel finds out
// whether KVM works here; snapshot keeps machines that ran to a certain point.
package vmimage
