static inline __attribute__((always_inline)) int check(volatile int *p)
{
	return *p + 1;
}
