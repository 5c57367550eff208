/*
 * detect.c - does this processor keep the promise of inline.h?
 */
#include "arch/arch.h"

/*
 * The system must save the registers as well (XCR0), which is what
 * __builtin_cpu_supports() checks.
 */
int
nh_arch_native_level(void)
{
	__builtin_cpu_init();
	if (!__builtin_cpu_supports("avx"))
		return NH_LEVEL_GENERIC;
	if (__builtin_cpu_supports("avx512vl") &&
	    __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("bmi2"))
		return NH_LEVEL_WIDE;
	return NH_LEVEL_NATIVE;
}
