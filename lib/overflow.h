/*
 * overflow.h - overflow lines: from the spare ones of a table, or extra ones
 *
 * Freed lines wait on a lock-free stack (R. K. Treiber, IBM RJ 5118, 1986) with
 * a tag in the bits that a line's address leaves free: 6 below, 16 above.
 */
#ifndef NH_LIB_OVERFLOW_H
#define NH_LIB_OVERFLOW_H

#include "lib/table.h"

#define NH_TAG_LOW UINT64_C(63)
#define NH_TAG_HIGH (UINT64_C(0xffff) << 48)

static inline struct nh_line *
nh_tagged_line(uint64_t tagged)
{
	return (struct nh_line *)(uintptr_t)(tagged &
					     ~(NH_TAG_LOW | NH_TAG_HIGH));
}

/* A pointer to `line` with the tag after that of `old`. */
static inline uint64_t
nh_tagged_next(uint64_t old, const struct nh_line *line)
{
	uint64_t tag = (old & NH_TAG_LOW) | (old & NH_TAG_HIGH) >> 42;

	tag++;
	return (uint64_t)(uintptr_t)line | (tag & NH_TAG_LOW) |
	       (tag << 42 & NH_TAG_HIGH);
}

/* Push first..last, linked through the value of slot 0 already. */
static inline void
nh_overflow_push(struct nh_table *t, struct nh_line *first,
		 struct nh_line *last)
{
	/* relaxed: read again by the exchange. */
	uint64_t old = nh_load_relaxed(&t->recycled);
	struct nh_kv kv = { 0, 0 };

	do {
		kv.value = (uintptr_t)nh_tagged_line(old);
		nh_pair_store(&last->pair[0], kv);
		/* order(recycled): release, after the line's next */
	} while (
		!nh_cas_acqrel(&t->recycled, &old, nh_tagged_next(old, first)));
}

static inline struct nh_line *
nh_overflow_pop(struct nh_table *t)
{
	/* order(recycled): acquire, so that the line's next is seen */
	uint64_t old = nh_load_acquire(&t->recycled);

	for (;;) {
		struct nh_line *line = nh_tagged_line(old);
		uint64_t next;

		if (!line)
			return NULL;
		/* relaxed: if the line was taken meanwhile the tag differs. */
		next = nh_load_relaxed(&line->pair[0].value);
		/* order(recycled): acquire, so that the next one's is seen */
		if (nh_cas_acqrel(&t->recycled, &old,
				  nh_tagged_next(old, nh_tagged_line(next))))
			return line;
	}
}

/* nh_overflow_alloc - a line with no order to its contents, or NULL.  Any. */
static inline struct nh_line *
nh_overflow_alloc(struct nh_table *t)
{
	struct nh_line *line = nh_overflow_pop(t);
	uint64_t spare = nh_table_spare(t);

	if (!line) {
		/* relaxed: hands out each number once; orders nothing. */
		uint64_t i = nh_load_relaxed(&t->bump);

		/* relaxed: as above. */
		if (i >= spare || (i = nh_add_relaxed(&t->bump, 1)) >= spare)
			return NULL;
		line = nh_table_even(t, nh_table_blocks(t)) + i;
	}
	/* relaxed: a count that orders nothing. */
	nh_add_relaxed(&t->used, 1);
	return line;
}

/*
 * nh_overflow_free - a line that no chain has any more.  Its block locked.
 *
 * A reader may still stand in it; it finds zeros.
 */
static inline void
nh_overflow_free(struct nh_table *t, struct nh_line *line)
{
	for (unsigned i = 0; i < NH_LINE_SLOTS; i++)
		nh_pair_store(&line->pair[i], (struct nh_kv){ 0, 0 });
	/* relaxed: a count that orders nothing. */
	nh_add_relaxed(&t->used, (uint64_t)-1);
	nh_overflow_push(t, line, line);
}

/*
 * nh_overflow_extend - more overflow lines than the table came with
 *
 * For what growing would not help or must not wait for.  Returns the bytes, 0
 * when memory is out.  Any thread that keeps the table from being retired.
 */
static inline uint64_t
nh_overflow_extend(struct nh_table *t, uint64_t lines)
{
	struct nh_extent *e =
		nh_arena_alloc(NH_ARENA_LINES, lines * sizeof(struct nh_line),
			       nh_node_for_arena(nh_table_node(t)));
	struct nh_line *first;
	uint64_t old;

	if (!e)
		return 0;
	first = (struct nh_line *)(void *)e->base;
	for (uint64_t i = 0; i < lines; i++) {
		struct nh_kv kv = { 0, (uintptr_t)(first + i + 1) };

		nh_pair_store(&first[i].pair[0], kv);
	}
	/* relaxed: read again by the exchange. */
	old = nh_load_relaxed(&t->extras);
	do {
		e->link = (struct nh_extent *)(uintptr_t)old;
		/* order(extras): release, after the extent's fields */
	} while (!nh_cas_acqrel(&t->extras, &old, (uintptr_t)e));
	nh_overflow_push(t, first, first + lines - 1);
	return e->bytes;
}

#endif
