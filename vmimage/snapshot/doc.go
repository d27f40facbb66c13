// Package snapshot keeps stopped machines in the cache, so that a machine in any state that one was brought into once is there again in
// a tenth of a second: in place of a boot, or of a boot and the making and mounting of a file system.
//
// A snapshot is a folder: the guest's memory in a sparse file ("ram"), the state of processors and devices ("state", a third of a MiB), what
// its maker put beside them (the contents of a disk), and an index with the checksum of each, which is written last. It appears in the cache by
// rename, complete. A clone maps the memory privately: pages that it changes are its own, all others are shared by every clone, in every
// process, and with the host's page cache; no part of the memory is read that the guest does not read.
//
// A snapshot is found by a key, which its user makes of all that it depends on (kernel, image, QEMU, command line, devices). So a stale one is
// never found; it is removed when it has not been used for long. A damaged one (a host that crashed, a disk that lies) is noticed when
// it is opened, before any clone, and made anew.
package snapshot
