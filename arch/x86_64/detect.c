/*
 * detect.c - does this processor keep the promise of inline.h?
 */
#include "arch/arch.h"

/*
 * AVX must be there and the system must save its registers (XCR0), which is
 * what __builtin_cpu_supports() checks.
 */
bool
nh_arch_native_usable(void)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx");
}

const char *
nh_arch_native_name(void)
{
	return NH_FLAVOUR_NAME;
}
