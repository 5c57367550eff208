/*
 * clock.h - the time, for what is done now and then
 */
#ifndef NH_LIB_CLOCK_H
#define NH_LIB_CLOCK_H

#include <stdint.h>

/* nh_clock_ns - of the monotonic clock.  Any thread. */
uint64_t nh_clock_ns(void);

#endif
