/*
 * twomap_model.h - the specification of the two-map, executed on arrays
 *
 * One thread, keys 0 to MODEL_KEYS - 1, no hashing and no pointers: for each
 * key whether read and dirty have it, and what its one entry holds.  Written
 * from the rules, not from bench/baseline/twomap.c, so that the two can be
 * compared in all that can be seen of either.
 */
#ifndef TESTS_BASELINE_TWOMAP_MODEL_H
#define TESTS_BASELINE_TWOMAP_MODEL_H

#include "tests/baseline/twomap_check.h"

#define MODEL_KEYS 4096u

struct model {
	struct {
		bool in_read, in_dirty;
		enum entry_state state; /* NOWHERE if in neither */
		uint64_t value;
	} key[MODEL_KEYS];
	bool amended, has_dirty;
	size_t misses, read_len, dirty_len;
	struct twomap_counters count;
};

static inline void
model_set_dirty(struct model *s, uint64_t k, bool in_dirty)
{
	s->dirty_len += (size_t)in_dirty - s->key[k].in_dirty;
	s->key[k].in_dirty = in_dirty;
}

static inline void
model_promote(struct model *s)
{
	for (uint64_t k = 0; k < MODEL_KEYS; k++) {
		s->key[k].in_read = s->key[k].in_dirty;
		s->key[k].in_dirty = false;
		if (!s->key[k].in_read)
			s->key[k].state = NOWHERE;
	}
	s->read_len = s->dirty_len;
	s->dirty_len = s->misses = 0;
	s->amended = s->has_dirty = false;
	s->count.promotions++;
}

static inline void
model_miss(struct model *s)
{
	s->count.locked_misses++;
	if (++s->misses >= s->dirty_len)
		model_promote(s);
}

static inline void
model_copy(struct model *s)
{
	if (s->has_dirty)
		return;
	s->has_dirty = true;
	s->count.copies++;
	for (uint64_t k = 0; k < MODEL_KEYS; k++) {
		if (!s->key[k].in_read)
			continue;
		if (s->key[k].state == NIL) {
			s->key[k].state = EXPUNGED;
			s->count.expunged++;
		} else {
			model_set_dirty(s, k, true);
			s->count.copied++;
		}
	}
}

static inline bool
model_live(const struct model *s, uint64_t k, uint64_t *value)
{
	if (s->key[k].state != LIVE)
		return false;
	*value = s->key[k].value;
	return true;
}

static inline void
model_write(struct model *s, uint64_t k, uint64_t value)
{
	s->key[k].state = LIVE;
	s->key[k].value = value;
}

static inline void
model_add(struct model *s, uint64_t k, uint64_t value)
{
	if (!s->amended) {
		model_copy(s);
		s->amended = true;
	}
	model_set_dirty(s, k, true);
	model_write(s, k, value);
	s->count.new_keys++;
}

static inline bool
model_load(struct model *s, uint64_t k, uint64_t *value)
{
	bool live = model_live(s, k, value);

	if (!s->key[k].in_read && s->amended)
		model_miss(s);
	return live;
}

static inline bool
model_swap(struct model *s, uint64_t k, uint64_t value, uint64_t *old)
{
	bool live = model_live(s, k, old);

	if (s->key[k].state == NOWHERE) {
		model_add(s, k, value);
		return false;
	}
	if (s->key[k].state == EXPUNGED)
		model_set_dirty(s, k, true);
	model_write(s, k, value);
	return live;
}

static inline bool
model_load_or_store(struct model *s, uint64_t k, uint64_t value,
		    uint64_t *actual)
{
	bool dirty_alone = s->key[k].in_dirty && !s->key[k].in_read;
	bool live = model_live(s, k, actual);
	uint64_t old;

	if (!live) {
		model_swap(s, k, value, &old);
		*actual = value;
	}
	if (dirty_alone)
		model_miss(s);
	return live;
}

static inline bool
model_load_and_delete(struct model *s, uint64_t k, uint64_t *old)
{
	bool live = model_live(s, k, old);

	if (s->key[k].in_read) {
		if (live)
			s->key[k].state = NIL;
		return live;
	}
	if (s->amended) {
		model_set_dirty(s, k, false);
		s->key[k].state = NOWHERE;
		model_miss(s);
	}
	return live;
}

static inline bool
model_compare_and_swap(struct model *s, uint64_t k, uint64_t expected,
		       uint64_t desired)
{
	uint64_t value;
	bool equal = model_live(s, k, &value) && value == expected;

	if (equal)
		model_write(s, k, desired);
	if (s->key[k].in_dirty && !s->key[k].in_read)
		model_miss(s);
	return equal;
}

static inline bool
model_compare_and_delete(struct model *s, uint64_t k, uint64_t expected)
{
	uint64_t value;
	bool equal = model_live(s, k, &value) && value == expected;

	if (equal)
		s->key[k].state = NIL;
	if (!s->key[k].in_read && s->amended)
		model_miss(s);
	return equal;
}

static inline void
model_range(struct model *s)
{
	if (s->amended)
		model_promote(s);
}

static inline void
model_clear(struct model *s)
{
	if (!s->read_len && !s->amended)
		return;
	for (uint64_t k = 0; k < MODEL_KEYS; k++) {
		s->key[k].in_read = s->key[k].in_dirty = false;
		s->key[k].state = NOWHERE;
	}
	s->read_len = s->dirty_len = s->misses = 0;
	s->amended = false;
}

#endif
