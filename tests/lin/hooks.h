/*
 * hooks.h - between a test and a library built with -DNH_STALL
 */
#ifndef NH_TESTS_HOOKS_H
#define NH_TESTS_HOOKS_H

#include "numahash.h"

/* The library calls it before each access to shared memory; a test defines it.
 */
void nh_stall_point(void);

/*
 * nh_test_hash - the hash by which the map places a key.  Any thread.
 *
 * Its top 8 bits are the segment, the next ones the position in there.
 */
uint64_t nh_test_hash(const struct nh_u64 *m, uint64_t key);
uint64_t nh_test_map_hash(const struct nh_map *m, const void *key, size_t len);

#endif
