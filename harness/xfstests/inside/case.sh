# What the tests of this folder do: one case of iomapcheck in all its variants. Made by iomapcheck.

# _iomap_case CASE NEEDS, or _iomap_case "--program FILE" NEEDS for a program of your own. NEEDS is dir (a folder of $TEST_DIR will do), disk
# (it takes $SCRATCH_DEV) or some (it takes $SCRATCH_DEV if there is one). A third word, kills, says that the kernel will report tasks that it kills for
# want of memory, which is no bug here: iomapcheck reads the kernel's log itself.
_iomap_case()
{
	local binary="${IOMAPCHECK_PROG:-$here/tests/@FOLDER@/iomapcheck}"
	local where=dir

	[ -x "$binary" ] || _notrun "there is no iomapcheck at $binary"
	_require_test
	if [ "$2" = disk ] || { [ "$2" = some ] && [ -n "$SCRATCH_DEV" ]; }; then
		_require_scratch
		where=disk
	fi
	if [ "$3" = kills ] && type _disable_dmesg_check >/dev/null 2>&1; then
		_disable_dmesg_check
	fi
	rm -f $tmp.reason
	"$binary" xfstests run-case $1 --where $where --full $seqres.full --reason $tmp.reason
	status=$?
	if [ -s $tmp.reason ]; then
		_notrun "$(cat $tmp.reason)"
	fi
	if [ $status -eq 0 ]; then
		echo "Silence is golden"
	fi
	exit
}
