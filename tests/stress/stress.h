/*
 * stress.h - many threads on one map that grows and shrinks all the time
 *
 * Every value says which key it belongs to and how old it is.  The keys are of
 * four kinds, each with a promise that is checked while all others go on:
 *
 *	permanent  always there; one thread writes each, versions only rise
 *	wave	   put once and deleted once, in order; so what is known to be
 *		   alive must be found, and what is known to be dead must not
 *	counter	   fetch_add by all; the totals must be exact
 *	contested  inserted and deleted by all; inserts less deletes that
 *		   succeeded is 1 or 0, as the key is there or not
 *
 * The waves of all workers make the map grow and shrink.  A resizer asks for
 * more of that, a scanner looks at everything again and again, and an attacker
 * puts keys that collide.
 */
#ifndef NH_TESTS_STRESS_H
#define NH_TESTS_STRESS_H

#include <pthread.h>
#include <stdatomic.h>

#include "tests/model/any.h"
#include "tests/model/kit.h"

#define MOST_WORKERS 64
#define MOST_PERMANENT 4096
#define COUNTERS 32
#define CONTESTED 64
#define BATCH 32

/* A key number is kind, worker (of a wave), index. */
enum kind { KIND_PERMANENT, KIND_WAVE, KIND_COUNTER, KIND_CONTESTED };

#define KIND_SHIFT 48
#define WORKER_SHIFT 40
#define INDEX_MASK ((UINT64_C(1) << WORKER_SHIFT) - 1)

static inline uint64_t
make_key(enum kind kind, uint64_t worker, uint64_t index)
{
	return key_of(SPREAD_MIXED, (uint64_t)kind << KIND_SHIFT |
					    worker << WORKER_SHIFT | index);
}

/* A value is its version, and 32 bits that only this key and version have. */
static inline uint64_t
make_value(uint64_t key, uint64_t version)
{
	return version << 32 | mix64(key + mix64(version)) >> 32;
}

static inline bool
belongs(uint64_t key, uint64_t value)
{
	return value == make_value(key, value >> 32);
}

/* What was done: a race that was never run proves nothing. */
enum tally {
	TALLY_PERMANENT, /* permanent keys found */
	TALLY_DEAD,	 /* dead keys not found */
	TALLY_ALIVE,	 /* keys of others' waves found */
	TALLY_WRITES,	 /* versions written */
	TALLY_ADDS,
	TALLY_CONTESTS, /* won */
	TALLY_WAVES,	/* wave keys put and deleted */
	TALLIES
};

/*
 * A wave of one worker: the keys from dying to alive are there.  Indices only
 * rise.  dead is raised after a delete returned, dying before it is called,
 * alive after an insert returned.
 */
struct wave {
	atomic_uint_fast64_t dead, dying, alive;
};

struct worker {
	unsigned id;
	pthread_t thread;
	struct any *map;
	struct rng rng;
	bool falling;
	_Atomic(uint64_t) tally[TALLIES];
	uint64_t added[COUNTERS];
	int64_t balance[CONTESTED];
	uint32_t version[MOST_PERMANENT]; /* last seen; of its own: last written
					   */
};

/* What the resizer and the scanner share with the main thread. */
struct observer {
	pthread_t thread;
	struct any *map;
	_Atomic(uint64_t) resizes;
	_Atomic(uint64_t) in_migration; /* looks that saw a migration */
	_Atomic(uint64_t) scans, pairs, attacks;
};

/* What is common to all threads of a run. */
struct stress {
	uint64_t threads;   /* workers */
	uint64_t permanent; /* keys */
	uint64_t wave_keys;
	uint64_t seed;
	atomic_bool stop;
	struct wave wave[MOST_WORKERS];
	struct worker worker[MOST_WORKERS];
};

extern struct stress stress;

/* stress_work - the thread of a struct worker */
void *stress_work(void *worker);

/* attack_value - what no other key than one of an attack has */
static inline uint64_t
attack_value(uint64_t key)
{
	return ~key;
}

/* stress_resize, stress_scan, stress_attack - threads of a struct observer */
void *stress_attack(void *observer);
void *stress_resize(void *observer);
void *stress_scan(void *observer);

/* stress_scan_once - a whole scan, checked; how many pairs it showed */
uint64_t stress_scan_once(const struct any *m);

#endif
