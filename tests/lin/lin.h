/*
 * lin.h - is the history of one key linearizable?
 *
 * The search of Wing and Gong (JPDC 1993) in Lowe's just-in-time form (CCPE
 * 2017).  A map's keys do not touch each other, so each key is checked by
 * itself: its state is one value, 0 when it is absent.
 *
 * Walk the begins and ends of the operations in the order of time and keep all
 * configurations {state, which pending operations have taken effect} that
 * explain what was seen so far.  When an operation ends, it must have taken
 * effect: go on with the configurations in which it has, after all ways to let
 * pending ones take effect first.  None left: not linearizable.
 */
#ifndef NH_TESTS_LIN_H
#define NH_TESTS_LIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum lin_kind {
	LIN_GET,
	LIN_PUT,
	LIN_INSERT,
	LIN_SWAP,
	LIN_CAS,
	LIN_ADD,
	LIN_DELETE,
	LIN_TAKE, /* delete and hand back */
	LIN_KINDS
};

enum lin_answer {
	LIN_YES,    /* done; found; set */
	LIN_NO,	    /* exists; mismatch */
	LIN_ABSENT, /* no such key */
};

#define LIN_NEVER UINT64_MAX /* the end of an operation of unknown outcome */

/*
 * One operation.  Values are never 0; 0 in `out` says there was none.  The more
 * of them are different, the sharper the check.
 */
struct lin_op {
	uint64_t begin, end;
	uint64_t arg; /* what to store or add */
	uint64_t expected;
	uint64_t out; /* of get, swap, add, take: the value before */
	uint32_t key;
	uint16_t thread;
	uint8_t kind, answer;
};

/* A set of configurations; clearing it is cheap. */
struct lin_set {
	struct lin_config *config;
	uint64_t *index; /* hash table: generation | place in config */
	size_t count, room;
	uint32_t generation;
};

struct lin_checker {
	struct lin_set now, next, reach;
	size_t widest;	/* most configurations at once */
	uint64_t steps; /* operations tried on a state */
};

void lin_init(struct lin_checker *c);
void lin_fini(struct lin_checker *c);

#define LIN_OK (-1L)
#define LIN_TOO_WIDE                                            \
	(-2L) /* more pending or more ways than can be followed \
	       */

/*
 * lin_check - LIN_OK, LIN_TOO_WIDE, or the index of the operation that no order
 * explains.  The operations of one key, in any order.
 */
long lin_check(struct lin_checker *c, const struct lin_op *ops, size_t n,
	       uint64_t initial);

/* lin_print - the operations around a culprit, by the time they began */
void lin_print(FILE *out, const struct lin_op *ops, size_t n, size_t culprit);

#endif
