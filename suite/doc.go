// Package suite is iomapcheck as a Ginkgo suite: one spec for each target × kernel × file system × case.
//
//	ginkgo ./suite
//	ginkgo ./suite -- -iomap.target=vm -iomap.kernel=debian:6.12 -iomap.fs=xfs,ext4 -iomap.case='fallback/*'
//	ginkgo --label-filter='theme:fallback && fs:xfs' ./suite
//	ginkgo --label-filter='fs:btrfs-nodatasum' ./suite -- -iomap.fs=btrfs,btrfs/nodatasum
//
// Verdicts become: ok and known pass; fail, hang, crash, drift, infra and unexercised fail; unsupported skips, with its reason. Nothing
// is tried twice.
package suite
