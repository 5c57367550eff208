/*
 * life.h - what maps must be able to do wherever they are
 */
#ifndef NH_TESTS_LIFE_H
#define NH_TESTS_LIFE_H

#include <stdint.h>

#include "numahash.h"

/*
 * life_of_maps - one of numbers and one of byte strings grow, are read, shrink,
 * grow again and end
 */
void life_of_maps(void);

/*
 * life_until_full - a map grows until memory is out, and loses nothing
 *
 * It must get so far at least.  Memory of lines never becomes any other.
 */
void life_until_full(uint64_t keys);

/* life_begin - a map that has the first `keys` keys; life_check - that it does
 */
struct nh_u64 *life_begin(uint64_t keys);
void life_check(const struct nh_u64 *m, uint64_t from, uint64_t to);

/* life_memory - nh_memory_stats() of this process */
struct nh_memory life_memory(void);

/* life_says - does nh_describe() have this line? */
void life_says(const char *line);

/* life_number - what it says of something: "name: number" */
uint64_t life_number(const char *name);

#endif
