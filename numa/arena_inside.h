/*
 * arena_inside.h - what arena.c and ahead.c both know
 */
#ifndef NH_NUMA_ARENA_INSIDE_H
#define NH_NUMA_ARENA_INSIDE_H

#include <pthread.h>

#include "numa/bins.h"
#include "numa/chunk.h"

struct nh_arena {
	pthread_mutex_t mutex;
	pthread_mutex_t growing; /* taken before it, by who maps a chunk */
	enum nh_arena_kind kind;
	unsigned node;
	struct nh_chunk *chunks; /* newest first */
	struct nh_bins bins;
	size_t used, returned;
	size_t tops;	  /* resident at the tops of chunks */
	size_t ahead;	  /* kept faulted in for nh_arena_prefault() */
	size_t fell_over; /* asked for here, and not to be had */
	size_t collapsed; /* bytes made huge pages */
	char *looked;	  /* of nh_arena_collapse(): where it goes on */
	size_t reserved[NH_PAGES_KINDS];
};

/* nh_arenas - how many nodes there are.  Any thread. */
unsigned nh_arenas(void);

/* nh_arena_of - that of a node there is.  Any thread. */
struct nh_arena *nh_arena_of(enum nh_arena_kind kind, unsigned node);

/*
 * nh_arena_grow - map one more chunk with room for `bytes`; false: no memory
 *
 * force: whatever the node says it has left.  patient: nobody waits.  `growing`
 * locked, and the mutex not: others go on with what there is.
 */
bool nh_arena_grow(struct nh_arena *a, size_t bytes, bool force, bool patient);

/* nh_arena_watch_forks - prepare for children.  Once, after the arenas. */
void nh_arena_watch_forks(void);

#endif
