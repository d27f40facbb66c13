package fork

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// descriptor is one that a copy must not share with the original: an event counter, which is made anew.
type descriptor struct {
	number int
	count  uint64 // what is in the counter
	flags  uint64 // for eventfd2(2)
}

// descriptors finds those of the process that have to be made anew, and says which cannot be copied. replaced are not looked at.
func descriptors(pid int, replaced []int) ([]descriptor, error) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return nil, fmt.Errorf("list its descriptors: %w", err)
	}
	var counters []descriptor
	for _, e := range entries {
		number, err := strconv.Atoi(e.Name())
		if err != nil || slices.Contains(replaced, number) {
			continue
		}
		what, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, number))
		if err != nil {
			return nil, fmt.Errorf("look at its descriptor %d: %w", number, err)
		}
		switch {
		case what == "anon_inode:[eventfd]":
			d, err := counter(pid, number)
			if err != nil {
				return nil, err
			}
			counters = append(counters, d)
		case !shared(what):
			return nil, fmt.Errorf("its descriptor %d is a %s: nobody can copy that", number, what)
		}
	}
	return counters, nil
}

// shared says whether a copy may have the same open file as the original: files that are mapped or dropped into, signals (which signalfd
// reads of whoever reads it), and pipes and sockets that the process has from us and never uses.
func shared(what string) bool {
	switch {
	case what == os.DevNull, what == "anon_inode:[signalfd]":
		return true
	case strings.HasPrefix(what, "/dev/"):
		return false // /dev/kvm, /dev/vhost-net: the state is in the kernel
	case strings.HasPrefix(what, "pipe:"), strings.HasPrefix(what, "socket:"):
		return inherited(what)
	}
	return strings.HasPrefix(what, "/")
}

// inherited says whether this process has the same pipe or socket open.
func inherited(what string) bool {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return false
	}
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		mine, err := os.Readlink(filepath.Join("/proc/self/fd", e.Name()))
		return err == nil && mine == what
	})
}

// counter reads what an event counter is.
func counter(pid, number int) (descriptor, error) {
	info, err := fdinfo(pid, number)
	if err != nil {
		return descriptor{}, err
	}
	flags, err := strconv.ParseUint(info["flags"], 8, 64)
	if err != nil {
		return descriptor{}, fmt.Errorf("its descriptor %d: %w", number, err)
	}
	count, err := strconv.ParseUint(info["eventfd-count"], 16, 64)
	if err != nil {
		return descriptor{}, fmt.Errorf("its descriptor %d: %w", number, err)
	}
	return descriptor{number, count, flags & (unix.EFD_NONBLOCK | unix.EFD_CLOEXEC)}, nil
}

// fdinfo is what the kernel says of a descriptor, by name.
func fdinfo(pid, number int) (map[string]string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", pid, number))
	if err != nil {
		return nil, fmt.Errorf("look at its descriptor %d: %w", number, err)
	}
	info := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		info[name] = strings.TrimSpace(value)
	}
	return info, nil
}

// nonblocking says which of the descriptors do not block: what replaces them must not either.
func nonblocking(pid int, numbers []int) (map[int]bool, error) {
	which := map[int]bool{}
	for _, number := range numbers {
		info, err := fdinfo(pid, number)
		if err != nil {
			return nil, err
		}
		flags, err := strconv.ParseUint(info["flags"], 8, 64)
		if err != nil {
			return nil, fmt.Errorf("its descriptor %d: %w", number, err)
		}
		which[number] = flags&unix.O_NONBLOCK != 0
	}
	return which, nil
}

// openMail makes a socket pair in the process and takes one end of it.
func (o *Origin) openMail(tid int) error {
	if _, err := o.call(tid, unix.SYS_SOCKETPAIR, unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0, o.scratch); err != nil {
		return fmt.Errorf("make a socket pair in it: %w", err)
	}
	var pair [8]byte
	if _, err := peek(o.pid, o.scratch, pair[:]); err != nil {
		return fmt.Errorf("read its socket pair: %w", err)
	}
	theirs := int(binary.LittleEndian.Uint32(pair[4:]))
	o.inbox = int(binary.LittleEndian.Uint32(pair[:]))
	process, err := unix.PidfdOpen(o.pid, 0)
	if err != nil {
		return fmt.Errorf("take a descriptor of it: %w", err)
	}
	defer unix.Close(process)
	ours, err := unix.PidfdGetfd(process, theirs, 0)
	if err != nil {
		return fmt.Errorf("take a descriptor of it: %w", err)
	}
	o.mail = os.NewFile(uintptr(ours), "mail")
	_, err = o.call(tid, unix.SYS_CLOSE, uint64(theirs))
	return err
}

// replaceFiles gives a copy its own descriptors.
func (o *Origin) replaceFiles(pid int, with map[int]*os.File) error {
	for _, d := range o.fds {
		fresh, err := o.call(pid, unix.SYS_EVENTFD2, d.count, d.flags)
		if err != nil {
			return fmt.Errorf("make event counter: %w", err)
		}
		if err := o.move(pid, fresh, d.number, d.flags&unix.EFD_CLOEXEC); err != nil {
			return err
		}
	}
	numbers, err := o.post(with)
	if err != nil {
		return err
	}
	arrived, err := o.receive(pid, len(numbers))
	if err != nil {
		return err
	}
	for i, number := range numbers {
		if err := o.move(pid, uint64(arrived[i]), number, unix.O_CLOEXEC); err != nil {
			return err
		}
	}
	// A copy gets no mail, but may be the original of others, with a mailbox of its own.
	if _, err := o.call(pid, unix.SYS_CLOSE, uint64(o.inbox)); err != nil {
		return fmt.Errorf("close the copy's inbox: %w", err)
	}
	return nil
}

// move makes a descriptor of a copy another number's.
func (o *Origin) move(pid int, from uint64, to int, flags uint64) error {
	if _, err := o.call(pid, unix.SYS_DUP3, from, uint64(to), flags); err != nil {
		return fmt.Errorf("replace descriptor %d: %w", to, err)
	}
	_, err := o.call(pid, unix.SYS_CLOSE, from)
	return err
}

// post sends files to whoever reads the inbox next, and says in which order.
func (o *Origin) post(with map[int]*os.File) ([]int, error) {
	var numbers, fds []int
	for number, file := range with {
		fd := int(file.Fd())
		if err := unix.SetNonblock(fd, o.nonblocking[number]); err != nil {
			return nil, fmt.Errorf("make descriptor %d as the original is: %w", number, err)
		}
		numbers, fds = append(numbers, number), append(fds, fd)
	}
	if err := unix.Sendmsg(int(o.mail.Fd()), []byte{0}, unix.UnixRights(fds...), nil, unix.MSG_DONTWAIT); err != nil {
		return nil, fmt.Errorf("send descriptors: %w", err)
	}
	return numbers, nil
}

// receive has a copy read its inbox, and returns the numbers under which the files arrived.
//
//	scratch+0    struct msghdr: name, namelen, iov, iovlen, control, controllen, flags
//	       +64   struct iovec
//	       +96   the byte
//	       +128  struct cmsghdr (len, level, type) and the numbers
func (o *Origin) receive(pid, n int) ([]uint32, error) {
	const iovec, text, control, header = 64, 96, 128, 16
	at := o.scratch
	b := words(0, 0, at+iovec, 1, at+control, uint64(unix.CmsgSpace(4*n)), 0, 0, at+text, 1)
	if err := poke(pid, at, b); err != nil {
		return nil, fmt.Errorf("write to the copy: %w", err)
	}
	if _, err := o.call(pid, unix.SYS_RECVMSG, uint64(o.inbox), at, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT); err != nil {
		return nil, fmt.Errorf("receive descriptors in the copy: %w", err)
	}
	rights := make([]byte, header+4*n)
	if _, err := peek(pid, at+control, rights); err != nil {
		return nil, fmt.Errorf("read from the copy: %w", err)
	}
	if got := binary.LittleEndian.Uint64(rights); got != uint64(len(rights)) {
		return nil, fmt.Errorf("receive descriptors in the copy: %d bytes of them, want %d", got, len(rights))
	}
	numbers := make([]uint32, n)
	return numbers, binary.Read(bytes.NewReader(rights[header:]), binary.LittleEndian, numbers)
}

// copyAll has the kernel copy all of the process's memory: QEMU asks it not to copy the guest's, which a fork of its own would only cost.
func (o *Origin) copyAll(main *thread) error {
	file, err := os.Open(fmt.Sprintf("/proc/%d/smaps", o.pid))
	if err != nil {
		return fmt.Errorf("look at its memory: %w", err)
	}
	defer file.Close()
	var from, to uint64
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := lines.Text()
		if flags, ok := strings.CutPrefix(line, "VmFlags: "); ok && slices.Contains(strings.Fields(flags), "dc") {
			if _, err := o.call(main.tid, unix.SYS_MADVISE, from, to-from, unix.MADV_DOFORK); err != nil && !errors.Is(err, unix.EINVAL) {
				return fmt.Errorf("have its memory copied: %w", err)
			}
			continue
		}
		var a, b uint64
		if n, _ := fmt.Sscanf(line, "%x-%x ", &a, &b); n == 2 {
			from, to = a, b
		}
	}
	return lines.Err()
}
