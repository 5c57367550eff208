/*
 * versions.c - the counters of inline.h
 */
#define NH_FLAVOUR_GENERIC
#include "arch/arch.h"

struct nh_version_pair nh_versions[NH_VERSIONS];
