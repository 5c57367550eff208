/*
 * round.h - threads that work on a few hot keys while all is recorded
 *
 * A round is a few hundred operations of each thread, then a pause in which the
 * history of each key is checked.  It does not know what it works on: that is
 * behind struct lin_subject, so that broken toys can be tried too.
 */
#ifndef NH_TESTS_ROUND_H
#define NH_TESTS_ROUND_H

#include "tests/lin/lin.h"

#define LIN_MOST_THREADS 32
#define LIN_MOST_KEYS 16

/* run - do op->kind to a key and fill in answer and out.  Any thread. */
struct lin_subject {
	void *map;
	void (*run)(void *map, uint64_t key, struct lin_op *op);
};

struct lin_plan {
	unsigned threads;
	unsigned keys;	/* how many of `key` */
	unsigned ops;	/* of each thread in a round */
	unsigned stall; /* one of so many points stalls; 0: none */
	uint64_t rounds;
	uint64_t seed;
	uint64_t key[LIN_MOST_KEYS];
	void (*between)(void *arg); /* after each round, NULL: nothing */
	void *between_arg;
};

struct lin_tally {
	uint64_t rounds, ops; /* done */
	uint64_t stalls;      /* points that stalled */
	uint64_t points;      /* points passed */
	size_t widest;
};

/*
 * lin_rounds - run them; true if all histories are linearizable
 *
 * It ends with the first that is not, and prints what is around the culprit
 * to `out` unless that is NULL.
 */
bool lin_rounds(const struct lin_subject *subject, const struct lin_plan *plan,
		struct lin_tally *tally, FILE *out);

/* lin_stall_every - let this thread stall at one of `period` points; 0: none */
void lin_stall_every(unsigned period, uint64_t seed);

/* lin_stall - a point at which this thread may stall */
void lin_stall(void);

#endif
