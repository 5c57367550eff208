/*
 * maintain.c - a thread that works ahead and cleans up
 *
 * Maintenance only does what a write would do when it comes: a map without it
 * works the same, but the first touch of memory, and the last groups of a
 * migration that no write pushes on, wait for whoever comes next.
 *
 * The same thread sweeps, for maps with idle reclaim, and sees to memory nodes
 * where segments move by themselves or have copies.
 */
#include "lib/maintain.h"

#include <numahash.h>
#include <stdlib.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/idle.h"
#include "lib/placement.h"
#include "lib/tune.h"
#include "numa/arena.h"

#define TICK_NS 2000000 /* 2 ms: at 20 M inserts a second, some 1 MiB */
#define FIRST_PREFAULT ((uint64_t)4 << 20)
#define IDLE_TICKS 10	  /* a migration unchanged for that long is finished */
#define COLLAPSE_TICKS 50 /* a huge page made in that time at the most */

struct nh_maintenance {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	bool stop;
	bool ahead;	   /* works ahead; else it only sweeps */
	uint64_t tick_at;  /* when it works ahead next */
	uint64_t sweep_at; /* when it sweeps next; never: UINT64_MAX */
	uint64_t place_at; /* when it sees to memory nodes; the same */
	unsigned ticks;
	uint64_t seen[NH_SEGMENTS]; /* claims, when last looked at */
};

static void
finish_idle(struct nh_core *m)
{
	for (unsigned i = 0; i < NH_SEGMENTS; i++) {
		/* relaxed: a guess whether anything moves. */
		uint64_t size = nh_load_relaxed(&m->descriptor[i].size);
		/* relaxed: as above. */
		uint64_t claim = nh_load_relaxed(&m->segment[i].claim);

		if (size & NH_SIZE_MIGRATING &&
		    m->maintenance->seen[i] == claim)
			/* Without memory there will be another time. */
			(void)m->ops->settle(m, i);
		m->maintenance->seen[i] = claim;
	}
}

static void
tick(struct nh_core *m)
{
	nh_placement_prefault(m, nh_tune_prefault());
	if (++m->maintenance->ticks % IDLE_TICKS == 0)
		finish_idle(m);
	if (m->maintenance->ticks % COLLAPSE_TICKS == 0 &&
	    !nh_arena_collapse(NH_ARENA_LINES, -1))
		nh_arena_collapse(NH_ARENA_ENTRIES, -1);
}

static void
work(struct nh_core *m)
{
	struct nh_maintenance *own = m->maintenance;
	uint64_t at;

	if (own->ahead && nh_clock_ns() >= own->tick_at) {
		tick(m);
		own->tick_at = nh_clock_ns() + TICK_NS;
	}
	if (nh_clock_ns() >= own->place_at) {
		nh_placement_step(m);
		own->place_at = nh_clock_ns() + TICK_NS;
	}
	if (nh_clock_ns() >= own->sweep_at) {
		nh_idle_sweep(m, &at);
		own->sweep_at = at + m->idle->interval_ns;
	}
}

/* When there is work next. */
static struct timespec
next_time(const struct nh_maintenance *own)
{
	uint64_t ns = own->sweep_at;

	if (own->ahead && own->tick_at < ns)
		ns = own->tick_at;
	if (own->place_at < ns)
		ns = own->place_at;
	return (struct timespec){ (time_t)(ns / 1000000000),
				  (long)(ns % 1000000000) };
}

static void *
run(void *arg)
{
	struct nh_core *m = arg;
	struct nh_maintenance *own = m->maintenance;
	struct timespec at;

	pthread_mutex_lock(&own->mutex);
	while (!own->stop) {
		pthread_mutex_unlock(&own->mutex);
		work(m);
		at = next_time(own);
		pthread_mutex_lock(&own->mutex);
		if (!own->stop)
			pthread_cond_timedwait(&own->wake, &own->mutex, &at);
	}
	pthread_mutex_unlock(&own->mutex);
	return NULL;
}

static uint64_t
first_prefault(void)
{
	uint64_t bytes = nh_tune_prefault();

	return bytes < FIRST_PREFAULT ? bytes : FIRST_PREFAULT;
}

int
nh_maintenance_start(struct nh_core *m, bool ahead)
{
	struct nh_maintenance *own = calloc(1, sizeof(*own));
	pthread_condattr_t attr;

	if (!own)
		return NH_ERR_NOMEM;
	pthread_mutex_init(&own->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&own->wake, &attr);
	pthread_condattr_destroy(&attr);
	m->maintenance = own;
	own->ahead = ahead;
	own->place_at = nh_placement_moves(m) ? 0 : UINT64_MAX;
	own->sweep_at = UINT64_MAX;
	if (m->idle && m->idle->interval_ns)
		own->sweep_at = nh_clock_ns() + m->idle->interval_ns;
	/* The first pages before the first insert; the thread does the rest. */
	if (ahead)
		nh_placement_prefault(m, first_prefault());
	if (!pthread_create(&own->thread, NULL, run, m))
		return NH_OK;
	m->maintenance = NULL;
	pthread_cond_destroy(&own->wake);
	pthread_mutex_destroy(&own->mutex);
	free(own);
	return NH_ERR_SYSTEM;
}

void
nh_maintenance_stop(struct nh_core *m)
{
	struct nh_maintenance *own = m->maintenance;

	pthread_mutex_lock(&own->mutex);
	own->stop = true;
	pthread_cond_signal(&own->wake);
	pthread_mutex_unlock(&own->mutex);
	pthread_join(own->thread, NULL);
	/* Nothing more ahead; another map's thread asks again at its tick. */
	if (own->ahead)
		nh_placement_prefault(m, 0);
	pthread_cond_destroy(&own->wake);
	pthread_mutex_destroy(&own->mutex);
	m->maintenance = NULL;
	free(own);
}
