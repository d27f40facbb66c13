package fsys

import (
	"crypto/sha1"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// FS is a file system. The values come from Table.
type FS struct {
	Name string // as users write it
	// Type is what mount(2) calls it.
	Type string
	// Modules are to be loaded, each after what it depends on; built-in ones are no error.
	Modules []string
	// MinDevice is the smallest device, in bytes, that it is made on; mkfs or the kernel refuses less, or is not tested with it.
	MinDevice int64
	// Variants are its forms; the first has no name and is what the FS's name alone stands for.
	Variants []Variant
	// Optional file systems are tested only where somebody asks for them.
	Optional bool
	// Refuses are words of operations, as programs spell them, that it has answered EOPNOTSUPP on every kernel so far. It is for choosing what to try where: a
	// kernel that takes them shows it when they are tried.
	Refuses []string
	// OpensWait says that to open a file waits for what is done with it: a task has to have its files open before another is held in the
	// middle of a write.
	OpensWait bool

	// mkfs is the command, with the placeholders device, uuid, block, log and extra.
	mkfs []string
	// options are mount options of every variant.
	options []string
}

// Variant is one form of a file system, made or mounted in its own way.
type Variant struct {
	Name string // "" for the plain form
	// Why says what the variant changes for direct I/O.
	Why string
	// BlockSize is the file system's block size in bytes.
	BlockSize int64
	// Attr is an attribute that every file gets when it is made, as programs spell it, "" for none.
	Attr string
	// FileSize is the size of every file in bytes, where files cannot grow or shrink; 0 where they can.
	FileSize int64
	// Device is what it stands on; the zero Device is a plain disk.
	Device Device

	options []string
	mkfs    []string // arguments of its own
	modules []string // to be loaded before the file system's
}

// The placeholders of a mkfs command; EXTRA stands for the variant's own arguments. Mount options may have LOG.
const (
	device = "DEVICE"
	uuid   = "UUID"
	block  = "BLOCK"
	extra  = "EXTRA"
	log    = "LOG"
)

// Spec is a file system in one of its variants. The zero Spec is none.
type Spec struct {
	FS      FS
	Variant Variant
	log     string // the device of a separate log, "" for LogDevice
}

// Parse reads "xfs" or "btrfs/nodatasum". The error names what there is.
func Parse(s string) (Spec, error) {
	name, variant, _ := strings.Cut(s, "/")
	for _, fs := range Table() {
		if fs.Name != name {
			continue
		}
		for _, v := range fs.Variants {
			if v.Name == variant && !strings.HasSuffix(s, "/") {
				return Spec{FS: fs, Variant: v}, nil
			}
		}
		return Spec{}, fmt.Errorf("find file system %q: %s has no such variant; there are %s", s, name, names(fs))
	}
	return Spec{}, fmt.Errorf("find file system %q: there are %s", s, names(Table()...))
}

// All lists every variant of every file system, in the table's order.
func All() []Spec { return specs(Table()...) }

func specs(list ...FS) []Spec {
	var out []Spec
	for _, fs := range list {
		for _, v := range fs.Variants {
			out = append(out, Spec{FS: fs, Variant: v})
		}
	}
	return out
}

func names(list ...FS) string {
	var out []string
	for _, s := range specs(list...) {
		out = append(out, s.String())
	}
	return strings.Join(out, ", ")
}

// String is what Parse reads.
func (s Spec) String() string {
	if s.Variant.Name == "" {
		return s.FS.Name
	}
	return s.FS.Name + "/" + s.Variant.Name
}

// Name is the file system's, without the variant.
func (s Spec) Name() string { return s.FS.Name }

// VariantName is "" for the plain form.
func (s Spec) VariantName() string { return s.Variant.Name }

// KernelType is what mount(2) and /proc/filesystems call it.
func (s Spec) KernelType() string { return s.FS.Type }

// Modules are the kernel modules to load first.
func (s Spec) Modules() []string { return slices.Concat(s.Variant.modules, s.FS.Modules) }

// HasQuota says whether the owner of files can be limited: mounted for that, or on btrfs, which begins when it is told to.
func (s Spec) HasQuota() bool { return s.Variant.Name == "quota" || s.FS.Name == "btrfs" }

// BlockSize is in bytes.
func (s Spec) BlockSize() int64 { return s.Variant.BlockSize }

// Attr is an attribute that every file gets when it is made, as programs spell it, "" for none.
func (s Spec) Attr() string { return s.Variant.Attr }

// MinDevice is the least size of the device in bytes.
func (s Spec) MinDevice() int64 { return s.FS.MinDevice }

// Mkfs is the command that makes the file system on a device, its tool by name: one of mkfs.xfs (xfsprogs), mkfs.ext4
// (e2fsprogs), mkfs.btrfs (btrfs-progs), mkfs.gfs2 (gfs2-utils), mkzonefs (zonefs-tools), bcachefs (bcachefs-tools), mkfs.f2fs
// (f2fs-tools). What was on the device is overwritten without a question.
//
// The UUID follows from the spec and the device's path: the same every time, and two devices of one machine never share
// one (xfs and btrfs would not mount the second).
func (s Spec) Mkfs(dev string) []string {
	var out []string
	put := strings.NewReplacer(uuid, uuidOf(s.String()+" on "+dev), block, strconv.FormatInt(s.Variant.BlockSize, 10), log, s.logDevice())
	for _, arg := range s.FS.mkfs {
		switch arg {
		case device:
			out = append(out, dev)
		case extra:
			for _, own := range s.Variant.mkfs {
				out = append(out, put.Replace(own))
			}
		default:
			out = append(out, put.Replace(arg))
		}
	}
	return out
}

// uuidOf is a name-based UUID (RFC 9562, version 5) without a name space.
func uuidOf(name string) string {
	h := sha1.Sum([]byte("iomapcheck " + name))
	h[6] = h[6]&0x0f | 0x50
	h[8] = h[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// MountOptions are the options in the form that mount(2) takes as data; empty for none.
func (s Spec) MountOptions() string {
	options := strings.Join(append(append([]string{}, s.FS.options...), s.Variant.options...), ",")
	return strings.ReplaceAll(options, log, s.logDevice())
}

// WithOptions is the variant mounted with these options of its own and no others.
func (v Variant) WithOptions(options ...string) Variant {
	v.options = options
	return v
}

// MountFlags are the flags for mount(2): MS_NOATIME, so that a read never makes the file system write, least of all while the program
// holds writes and counts them.
func (s Spec) MountFlags() uintptr { return msNoatime }

// msNoatime is MS_NOATIME of linux/mount.h.
const msNoatime = 1 << 10

// Defaults are the plain forms of what is not optional: what is tested where nobody says otherwise.
func Defaults() []Spec {
	var out []Spec
	for _, fs := range Table() {
		if !fs.Optional {
			out = append(out, Spec{FS: fs, Variant: fs.Variants[0]})
		}
	}
	return out
}
