/*
 * detect.c - a processor with no module of its own
 */
#include "arch/arch.h"

int
nh_arch_native_level(void)
{
	return NH_LEVEL_GENERIC;
}
