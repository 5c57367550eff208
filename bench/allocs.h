/*
 * allocs.h - how often a thread has asked for memory
 */
#ifndef NH_BENCH_ALLOCS_H
#define NH_BENCH_ALLOCS_H

#include <stdint.h>

/*
 * nh_bench_allocs - calls of malloc() and its kin, and of mmap(), so far
 *
 * By the calling thread, from anywhere in the program but the C library's own
 * calls inside itself.  Always 0 under a sanitizer, whose malloc() it is then.
 */
uint64_t nh_bench_allocs(void);

#endif
