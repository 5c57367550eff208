/*
 * detect.c - a processor with no module of its own
 */
#include "arch/arch.h"

bool
nh_arch_native_usable(void)
{
	return false;
}

const char *
nh_arch_native_name(void)
{
	return NULL;
}
