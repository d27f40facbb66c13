/*
 * The source of vmlinux, System.map and sample-fs.ko beside this folder. They were made here with
 *
 *   cc -g -O1 -fcf-protection=none -fno-asynchronous-unwind-tables -ffile-prefix-map=$PWD=/build -c -o fs/sample/sample-fs.ko fs/sample/sample.c
 *   ld -Ttext=0xffffffff81000000 --section-start=.init.text=0xffffffff80fff000 -e sample_iter -o vmlinux fs/sample/sample-fs.ko
 *   nm -n vmlinux > System.map
 */
#include "inner.h"

static __attribute__((noinline)) int sample_begin(volatile int *p)
{
	int n = *p;

	return n * 3;
}

static inline __attribute__((always_inline)) int sample_rw(volatile int *p)
{
	int n = check(p);

	return n + sample_begin(p);
}

int sample_iter(volatile int *p)
{
	int n = sample_rw(p);

	return n + sample_begin(p + n);
}

__attribute__((noinline, section(".init.text"))) int sample_cold(volatile int *p)
{
	return sample_begin(p) - 1;
}
