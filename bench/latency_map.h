/*
 * latency_map.h - the maps that are measured, one row each
 *
 * Calls go through the pointers for all of them, so that they cost all of them
 * the same, the empty map too: it does nothing, and what it shows is the noise
 * of the machine and of the measuring itself.
 *
 * begin(), end() and rest() are what the reclamation of the two-map baseline
 * wants of its threads.  They are never inside of what is timed, which is to
 * its advantage.
 */
#ifndef BENCH_LATENCY_MAP_H
#define BENCH_LATENCY_MAP_H

#include <stddef.h>
#include <stdint.h>

struct nh_lat_map_kind {
	const char *name;
	const char *file; /* the same, fit for the name of a file */
	void *(*create)(void);
	void (*destroy)(void *map);
	int (*insert)(void *map, uint64_t key, uint64_t value); /* absent key */
	int (*put)(void *map, uint64_t key, uint64_t value);
	int (*get)(void *map, uint64_t key, uint64_t *value);
	uint64_t (*len)(void *map); /* NULL: it keeps nothing, ask it nothing */

	/* A thread calls the others in between, and rest() now and then. */
	void (*begin)(void);
	void (*end)(void);
	void (*rest)(void);
};

#define NH_LAT_MAPS 4

/* How many operations a busy thread does from one rest() to the next. */
#define NH_LAT_REST_EVERY 64

/* The empty map is the first, and numahash without extras the second. */
extern const struct nh_lat_map_kind nh_lat_maps[NH_LAT_MAPS];

/* nh_lat_key - the i-th key: distinct, and in no order. */
static inline uint64_t
nh_lat_key(uint64_t i)
{
	uint64_t x = i + UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

#endif
