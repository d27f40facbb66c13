#!/bin/sh
# Written by iomapcheck.
#
#     ./repro.sh DIR     a directory in the file system that is to be tried; as root
#
# xfs_io writes one byte over and over, the fill's letter: data that land at a wrong offset of a range with the same fill are not seen.
# At the end it says BUG and exits with 1 where a read gave something else, or good and 0.
#
# fs          xfs
#
# The program, as iomapcheck has it:
#
#     write f 0 64k o
#     direct-write f 4k 4k n dsync
#     store f 0 4k s
#     read f 0 12k = s:4k,n:4k,o:4k
#     direct-read f 0 4k ? s|.
#     load f 0 4k
#     fallocate f 0 4k punch-hole
#     truncate f 32k
#     size f returns 32k
#     fsync f
#     drop-caches
#     clone f g
#     copy-range f 0 4k g 256k
#     remount

[ -d "$1" ] || { echo "usage: $0 DIR" >&2; exit 2; }
cd "$1" || exit 2
dir=$PWD bad=0

# runs tells the bytes of xfs_io's hexadecimal dump.
runs() {
	awk '/^[0-9a-f]+: / { n = split(substr($0, 12, 48), b, " "); for (i = 1; i <= n; i++) { if (b[i] "" == last "") count++; else { if (count) printf "%s:%d,", last, count; last = b[i]; count = 1 } } }
		END { if (count) printf "%s:%d\n", last, count; else print "nothing" }'
}

# do_op NUMBER TEXT ARGUMENTS...: an operation that must succeed, where the file system has it.
do_op() {
	echo "$1 $2"; n=$1 text=$2; shift 2
	said=$(xfs_io "$@" 2>&1) && ! echo "$said" | grep -q ': [A-Z].*[a-z]$' && return
	case $said in *'not supported'* | *'nappropriate ioctl'*) echo "could not be arranged: op $n: $text: $said"; exit 2 ;; esac
	echo "BUG: op $n: $text: $said"; bad=1
}

# see NUMBER TEXT WANT ARGUMENTS...: an operation that reads. WANT is runs, or ?BYTES for any of these.
see() {
	n=$1 text=$2 want=$3; shift 3
	got=$(xfs_io "$@" 2>&1 | runs)
	echo "$n $text  => $got"
	case $want in
	'') return ;;
	'?'*) echo "$got" | grep -Eqx "((${want#?}):[0-9]+,?)+" && return ;;
	*) [ "$got" = "$want" ] && return ;;
	esac
	echo "BUG: op $n: $text: read $got, want $want"; bad=1
}

drop() { echo 3 > /proc/sys/vm/drop_caches || exit 2; }

remount() {
	mnt=$(findmnt -no TARGET -T "$dir") src=$(findmnt -no SOURCE -T "$dir") opts=$(findmnt -no OPTIONS -T "$dir") type=$(findmnt -no FSTYPE -T "$dir")
	cd / && umount "$mnt" && mount -t "$type" -o "$opts" "$src" "$mnt" && cd "$dir" || exit 2
}

: > f
: > g
do_op 0 'write f 0 64k o' -c 'pwrite -q -b 65536 -S 0x6f 0 65536' f
do_op 1 'direct-write f 4k 4k n dsync' -d -c 'pwrite -q -V 1 -D -b 4096 -S 0x6e 4096 4096' f
do_op 2 'store f 0 4k s' -c 'mmap -rw 0 266240' -c 'mwrite -S 0x73 0 4096' f
see 3 'read f 0 12k = s:4k,n:4k,o:4k' '73:4096,6e:4096,6f:4096' -c 'pread -v -q -b 12288 0 12288' f
see 4 'direct-read f 0 4k ? s|.' '?73|00' -d -c 'pread -v -q -b 4096 0 4096' f
see 5 'load f 0 4k' '' -c 'mmap -r 0 266240' -c 'mread -v 0 4096' f
do_op 6 'fallocate f 0 4k punch-hole' -c 'fpunch 0 4096' f
do_op 7 'truncate f 32k' -c 'truncate 32768' f
size=$(stat -c %s f); echo "8 size f returns 32k  => $size"; [ $size = 32768 ] || { echo "BUG: op 8: size f returns 32k: $size"; bad=1; }
do_op 9 'fsync f' -c fsync f
drop # drop-caches
do_op 11 'clone f g' -c 'reflink f' g
do_op 12 'copy-range f 0 4k g 256k' -c 'copy_range -s 0 -d 262144 -l 4096 f' g
remount # remount

[ $bad = 0 ] && echo good
exit $bad
