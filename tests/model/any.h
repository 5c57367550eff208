/*
 * any.h - nh_u64 and nh_map by one interface, that of nh_u64
 *
 * So one test does both.  For nh_map a number becomes a string of some length,
 * the same each time: a few bytes, some dozens, now and then thousands, and
 * with a value around the lengths where its header changes.  A string is the
 * number and what follows from it, so one that is not whole, too long, too
 * short, or a key where a value should be, is noticed, and ends the program.
 *
 * Where nh_map wants room for a value, too little is offered first every now
 * and then.
 */
#ifndef NH_TESTS_ANY_H
#define NH_TESTS_ANY_H

#include <stdint.h>

#include "numahash.h"

enum any_kind { ANY_U64, ANY_MAP, ANY_KIND_BOTH };

/* What to give the `words` of an argument for a choice of the kind. */
extern const char *const any_kinds[];

/* One of the two. */
struct any {
	struct nh_u64 *u64;
	struct nh_map *map;
};

/* any_create, any_destroy - as nh_u64_create(), nh_u64_destroy() */
struct any *any_create(enum any_kind kind, const struct nh_config *config,
		       int *err);
void any_destroy(struct any *m);

/* As for nh_u64; nh_map adds to a number by an update. */
int any_get(const struct any *m, uint64_t key, uint64_t *value);
int any_put(struct any *m, uint64_t key, uint64_t value);
int any_insert(struct any *m, uint64_t key, uint64_t value);
int any_load_or_store(struct any *m, uint64_t key, uint64_t value,
		      uint64_t *actual, bool *loaded);
int any_swap(struct any *m, uint64_t key, uint64_t value, uint64_t *old,
	     bool *loaded);
int any_compare_and_swap(struct any *m, uint64_t key, uint64_t expected,
			 uint64_t desired);
int any_fetch_add(struct any *m, uint64_t key, uint64_t delta, uint64_t *old);
int any_update(struct any *m, uint64_t key, nh_u64_update_fn fn, void *arg);
int any_delete(struct any *m, uint64_t key);
int any_load_and_delete(struct any *m, uint64_t key, uint64_t *old);
int any_compare_and_delete(struct any *m, uint64_t key, uint64_t expected);
int any_get_batch(const struct any *m, const uint64_t *keys, size_t n,
		  uint64_t *values, uint8_t *found, size_t *hits);
int any_put_batch(struct any *m, const uint64_t *keys, const uint64_t *values,
		  size_t n, size_t *done);
int any_scan(const struct any *m, struct nh_cursor *cursor, nh_u64_scan_fn fn,
	     void *arg);
uint64_t any_len(const struct any *m);
int any_clear(struct any *m);
int any_reserve(struct any *m, uint64_t n);
int any_shrink(struct any *m);

/* any_stats_of - the counters of a map; all ones if there are none */
struct nh_stats any_stats_of(const struct any *m);

/* any_migrations_of - how often segments got a new table so far */
uint64_t any_migrations_of(const struct any *m);

#endif
