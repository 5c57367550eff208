/*
 * idle.h - idle reclaim: maps that forget what nobody uses
 *
 * Each segment has a clock that takes a step of half the timeout, or more when
 * nobody comes to move it; its last two bits are the age of the entries used at
 * that stand.  Who moves it goes over the segment right after (lib/sweep.h) and
 * takes out what was last used three steps ago:
 *
 *	clock	|   a   |  a+1  |  a+2  |  a+3
 *	used	    ^						here
 *	gone				^			first moment of
 *a+3
 *
 * Two whole steps lie between: it was idle for the timeout, at least.  At most
 * for three: one and a half of it, and what those who move the clock are late.
 * The thread comes n times in a step, at equal intervals that are not longer
 * than asked for, and its wakings are never closer than that; so it finds a
 * segment due at every nth, late by what the system made it late.
 *
 * The next age would be the same as the fourth last.  So of what was used three
 * steps ago nothing may be left when the sweep is over: what stays, because
 * the segment has so little, is given the age of two steps ago, and its turn
 * comes again with the next step.
 *
 * The segments' steps are spread over time, and so is the work.
 *
 * An operation that began before a step marks with the age of then, and one
 * whose mark was lost (lib/line.h) leaves the age as it was.  So a use counts
 * surely only when it neither overlaps a step, nor a write to its block; a
 * thread that is stopped for a whole timeout between reading the clock and
 * marking may make an entry older than it is.
 */
#ifndef NH_LIB_IDLE_H
#define NH_LIB_IDLE_H

#include "lib/map.h"

struct nh_idle {
	nh_atomic clock[NH_SEGMENTS]; /* an age; all other bits are set */
	nh_atomic busy;		      /* somebody sweeps */
	nh_atomic quit;		      /* the map is being destroyed */
	uint64_t step_ns;
	uint64_t interval_ns;	       /* of the thread; 0: there is none */
	uint64_t least;		       /* entries that a segment keeps */
	uint64_t stepped[NH_SEGMENTS]; /* when; who has `busy` */
	pthread_mutex_t mutex;	       /* of the callback; recursive */
	union {
		nh_u64_evict_fn u64;
		nh_map_evict_fn map;
	} evict;
	void *arg;
};

/* nh_idle_start - before other threads.  NH_ERR_NOMEM. */
int nh_idle_start(struct nh_core *m, const struct nh_config *config);

/* nh_idle_stop - no other call may be running. */
void nh_idle_stop(struct nh_core *m);

/* nh_idle_quit - let a sweep that is under way end soon.  Any thread. */
void nh_idle_quit(struct nh_core *m);

/*
 * nh_idle_sweep - move the clocks that are due, and sweep: how many went
 *
 * 0 when another thread is at it.  *at is when the clocks had been moved: who
 * comes in intervals counts from there.  Any thread that may write.
 */
uint64_t nh_idle_sweep(struct nh_core *m, uint64_t *at);

/* nh_core_reclaim - as nh_u64_reclaim() */
int nh_core_reclaim(struct nh_core *m, uint64_t *gone);

/* nh_idle_bytes - what idle reclaim adds to an empty map */
static inline uint64_t
nh_idle_bytes(const struct nh_core *m)
{
	return m->idle ? sizeof(*m->idle) : 0;
}

/* nh_idle_clock - of a hash's segment.  Maps with idle reclaim. */
static inline uint64_t
nh_idle_clock(const struct nh_core *m, uint64_t hash)
{
	/* relaxed: an age orders nothing. */
	return nh_load_relaxed(&m->idle->clock[nh_segment_of(hash)]);
}

/* nh_age_now - the age of what is used now.  Maps with idle reclaim. */
static inline uint64_t
nh_age_now(const struct nh_core *m, uint64_t hash)
{
	return nh_idle_clock(m, hash) & NH_WORD_AGE;
}

#endif
