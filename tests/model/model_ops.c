/*
 * model_ops.c - the operations: done to the map and to the reference
 */
#include "tests/model/model.h"

#include <inttypes.h>
#include <stdio.h>

#include "tests/model/args.h"

#define BATCH_MOST 100

/* --------------------------------------------------------------- mismatches */

_Noreturn static void
wrong(const struct model *m, uint64_t key, const char *problem)
{
	fail("%s, operation %" PRIu64 " (%s), key 0x%" PRIx64 ": %s\n"
	     "again with: %s",
	     m->shape->name, m->done, m->op, key, problem, m->again);
}

static void
expect(const struct model *m, uint64_t number, const char *what, uint64_t want,
       uint64_t got)
{
	char problem[128];

	if (want == got)
		return;
	snprintf(problem, sizeof(problem),
		 "%s: expected 0x%" PRIx64 ", got 0x%" PRIx64, what, want, got);
	wrong(m, ref_key(&m->ref, number), problem);
}

static void
expect_err(const struct model *m, uint64_t number, int want, int got)
{
	char problem[128];

	if (want == got)
		return;
	snprintf(problem, sizeof(problem), "expected \"%s\", got \"%s\"",
		 nh_strerror(want), nh_strerror(got));
	wrong(m, ref_key(&m->ref, number), problem);
}

static void
expect_good(const struct model *m, const char *problem, uint64_t key)
{
	if (problem)
		wrong(m, key, problem);
}

/* stored - did an operation that may insert do so?  A full map may refuse. */
static bool
stored(struct model *m, uint64_t i, int err)
{
	if (err == NH_ERR_FULL && m->shape->capacity &&
	    !m->ref.entry[i].present && m->ref.count >= m->shape->capacity) {
		m->refused++;
		m->refused_now++;
		return false;
	}
	expect_err(m, i, NH_OK, err);
	return true;
}

/* A value: of any 64 bits, or of a few, which is a short string. */
static uint64_t
new_value(struct model *m)
{
	uint64_t value = rng_next(&m->rng);

	return value & 7 ? value : value >> rng_below(&m->rng, 64);
}

/* --------------------------------------------------------------- operations */

static void
op_get(struct model *m, uint64_t i)
{
	const struct ref_entry *e = &m->ref.entry[i];
	uint64_t value = POISON;
	int err = any_get(m->map, ref_key(&m->ref, i), &value);

	expect_err(m, i, e->present ? NH_OK : NH_ERR_NOTFOUND, err);
	expect(m, i, "value", e->present ? e->value : POISON, value);
}

static void
op_put(struct model *m, uint64_t i)
{
	uint64_t value = new_value(m);

	if (stored(m, i, any_put(m->map, ref_key(&m->ref, i), value)))
		ref_set(&m->ref, i, value);
}

static void
op_insert(struct model *m, uint64_t i)
{
	uint64_t value = new_value(m);
	int err = any_insert(m->map, ref_key(&m->ref, i), value);

	if (m->ref.entry[i].present)
		expect_err(m, i, NH_ERR_EXISTS, err);
	else if (stored(m, i, err))
		ref_set(&m->ref, i, value);
}

static void
op_load_or_store(struct model *m, uint64_t i)
{
	const struct ref_entry *e = &m->ref.entry[i];
	uint64_t value = new_value(m), actual = POISON;
	bool loaded = !e->present;
	int err = any_load_or_store(m->map, ref_key(&m->ref, i), value, &actual,
				    &loaded);

	if (!stored(m, i, err)) {
		expect(m, i, "actual", POISON, actual);
		return;
	}
	expect(m, i, "loaded", e->present, loaded);
	expect(m, i, "actual", e->present ? e->value : value, actual);
	if (!e->present)
		ref_set(&m->ref, i, value);
}

static void
op_swap(struct model *m, uint64_t i)
{
	const struct ref_entry *e = &m->ref.entry[i];
	uint64_t value = new_value(m), old = POISON;
	bool loaded = !e->present;
	int err = any_swap(m->map, ref_key(&m->ref, i), value, &old, &loaded);

	if (!stored(m, i, err)) {
		expect(m, i, "old", POISON, old);
		return;
	}
	expect(m, i, "loaded", e->present, loaded);
	expect(m, i, "old", e->present ? e->value : POISON, old);
	ref_set(&m->ref, i, value);
}

/* guess - the value there, or, half the time, one that differs */
static uint64_t
guess(struct model *m, uint64_t i)
{
	uint64_t bit = rng_below(&m->rng, 128);

	return m->ref.entry[i].value ^ (bit < 64 ? UINT64_C(1) << bit : 0);
}

static int
answer_to_guess(const struct model *m, uint64_t i, uint64_t expected)
{
	const struct ref_entry *e = &m->ref.entry[i];

	if (!e->present)
		return NH_ERR_NOTFOUND;
	return e->value == expected ? NH_OK : NH_ERR_MISMATCH;
}

static void
op_compare_and_swap(struct model *m, uint64_t i)
{
	uint64_t expected = guess(m, i), desired = new_value(m);
	int want = answer_to_guess(m, i, expected);

	expect_err(m, i, want,
		   any_compare_and_swap(m->map, ref_key(&m->ref, i), expected,
					desired));
	if (want == NH_OK)
		ref_set(&m->ref, i, desired);
}

static void
op_fetch_add(struct model *m, uint64_t i)
{
	const struct ref_entry *e = &m->ref.entry[i];
	uint64_t delta = new_value(m), old = POISON;
	uint64_t before = e->present ? e->value : 0;
	int err = any_fetch_add(m->map, ref_key(&m->ref, i), delta, &old);

	if (!stored(m, i, err)) {
		expect(m, i, "old", POISON, old);
		return;
	}
	expect(m, i, "old", before, old);
	ref_set(&m->ref, i, before + delta);
}

static void
op_update(struct model *m, uint64_t i)
{
	const struct ref_entry *e = &m->ref.entry[i];
	struct verdict v = { .verdict = (int)rng_below(&m->rng, 4),
			     .store = new_value(m) };
	int err = any_update(m->map, ref_key(&m->ref, i), give_verdict, &v);

	if (err == NH_ERR_FULL && !stored(m, i, err)) {
		expect(m, i, "calls of a refused update", 0, v.calls);
		return;
	}
	expect_err(m, i, v.verdict > NH_UPDATE_REMOVE ? NH_ERR_ARG : NH_OK,
		   err);
	expect(m, i, "calls", 1, v.calls);
	expect(m, i, "key shown", ref_key(&m->ref, i), v.key);
	expect(m, i, "present", e->present, v.present);
	expect(m, i, "value shown", e->present ? e->value : 0, v.value);
	if (v.verdict == NH_UPDATE_STORE)
		ref_set(&m->ref, i, v.store);
	if (v.verdict == NH_UPDATE_REMOVE)
		ref_remove(&m->ref, i);
}

void
model_delete(struct model *m, uint64_t i)
{
	bool present = m->ref.entry[i].present;

	expect_err(m, i, present ? NH_OK : NH_ERR_NOTFOUND,
		   any_delete(m->map, ref_key(&m->ref, i)));
	ref_remove(&m->ref, i);
}

static void
op_load_and_delete(struct model *m, uint64_t i)
{
	const struct ref_entry *e = &m->ref.entry[i];
	uint64_t old = POISON;
	int err = any_load_and_delete(m->map, ref_key(&m->ref, i), &old);

	expect_err(m, i, e->present ? NH_OK : NH_ERR_NOTFOUND, err);
	expect(m, i, "old", e->present ? e->value : POISON, old);
	ref_remove(&m->ref, i);
}

static void
op_compare_and_delete(struct model *m, uint64_t i)
{
	uint64_t expected = guess(m, i);
	int want = answer_to_guess(m, i, expected);

	expect_err(
		m, i, want,
		any_compare_and_delete(m->map, ref_key(&m->ref, i), expected));
	if (want == NH_OK)
		ref_remove(&m->ref, i);
}

/* A batch of random keys, some of them more than once. */
struct batch {
	size_t n;
	uint64_t number[BATCH_MOST], key[BATCH_MOST], value[BATCH_MOST];
	uint8_t found[BATCH_MOST];
};

static void
batch_fill(struct model *m, struct batch *b)
{
	uint64_t range = 1 + rng_below(&m->rng, m->ref.keys);

	b->n = rng_below(&m->rng, BATCH_MOST + 1);
	for (size_t j = 0; j < b->n; j++) {
		b->number[j] = rng_below(&m->rng, range);
		b->key[j] = ref_key(&m->ref, b->number[j]);
		b->value[j] = new_value(m);
		b->found[j] = 9;
	}
	m->done += b->n;
}

static void
op_get_batch(struct model *m, uint64_t i)
{
	struct batch b;
	size_t hits = 0, want_hits = 0;
	uint64_t *values = i % 2 ? b.value : b.key; /* may be the keys */

	batch_fill(m, &b);
	for (size_t j = 0; j < b.n; j++)
		values[j] = i % 2 ? POISON : b.key[j];
	expect_err(m, i, NH_OK,
		   any_get_batch(m->map, b.key, b.n, values, b.found, &hits));
	for (size_t j = 0; j < b.n; j++) {
		const struct ref_entry *e = &m->ref.entry[b.number[j]];
		uint64_t untouched =
			i % 2 ? POISON : ref_key(&m->ref, b.number[j]);

		expect(m, b.number[j], "found", e->present, b.found[j]);
		expect(m, b.number[j], "value",
		       e->present ? e->value : untouched, values[j]);
		want_hits += e->present;
	}
	expect(m, i, "hits", want_hits, hits);
}

static void
op_put_batch(struct model *m, uint64_t i)
{
	struct batch b;
	size_t done = 99999;
	int err;

	batch_fill(m, &b);
	err = any_put_batch(m->map, b.key, b.value, b.n, &done);
	if (err == NH_OK)
		expect(m, i, "done", b.n, done);
	else if (done >= b.n)
		expect(m, i, "done of a batch that failed", b.n - 1, done);
	for (size_t j = 0; j < done; j++)
		ref_set(&m->ref, b.number[j], b.value[j]);
	if (err != NH_OK)
		stored(m, b.number[done], err);
}

static void
op_len(struct model *m, uint64_t i)
{
	expect(m, i, "length", m->ref.count, any_len(m->map));
}

/* What a scan that stops after some pairs works on. */
struct steps {
	struct model *m;
	uint64_t left;
};

static int
note_step(void *arg, uint64_t key, uint64_t value)
{
	struct steps *steps = arg;

	expect_good(steps->m, ref_show(&steps->m->ref, key, value), key);
	return --steps->left == 0;
}

/* Some more steps of the scan under way; other operations come in between. */
static void
op_scan(struct model *m, uint64_t i)
{
	struct steps steps = { m, 1 + i % (m->ref.keys / 500 + 8) };
	uint64_t key = 0;
	int err;

	if (!m->scanning) {
		ref_begin_scan(&m->ref);
		m->cursor = (struct nh_cursor){ 0 };
		m->scanning = true;
	}
	err = any_scan(m->map, &m->cursor, note_step, &steps);
	if (steps.left == 0) {
		expect_err(m, i, NH_ERR_STOPPED, err);
		return;
	}
	expect_err(m, i, NH_OK, err);
	expect(m, i, "cursor is done", true, m->cursor.done);
	expect_good(m, ref_end_scan(&m->ref, &key), key);
	m->scanning = false;
	m->scans++;
}

void
model_clear(struct model *m, uint64_t i)
{
	expect_err(m, i, NH_OK, any_clear(m->map));
	for (uint64_t j = 0; j < m->ref.keys; j++)
		ref_remove(&m->ref, j);
	op_len(m, i);
}

void
model_reserve(struct model *m, uint64_t i)
{
	uint64_t capacity = m->shape->capacity;
	uint64_t n = i % (2 * (capacity ? capacity : m->ref.keys));

	expect_err(m, i, capacity && n > capacity ? NH_ERR_FULL : NH_OK,
		   any_reserve(m->map, n));
}

void
model_shrink(struct model *m, uint64_t i)
{
	expect_err(m, i, NH_OK, any_shrink(m->map));
}

void
model_compare(struct model *m)
{
	uint64_t key;
	const char *problem;

	m->op = "compare all";
	m->scanning = false; /* the comparison scans, too */
	problem = ref_compare(&m->ref, m->map, &key);
	expect_good(m, problem, key);
}

const struct op model_ops[] = {
	{ "get", op_get, { 20, 20, 20, 5, 5 } },
	{ "put", op_put, { 10, 20, 4, 5, 10 } },
	{ "insert", op_insert, { 10, 15, 3, 5, 5 } },
	{ "load_or_store", op_load_or_store, { 8, 8, 2, 2, 2 } },
	{ "swap", op_swap, { 8, 8, 2, 2, 2 } },
	{ "compare_and_swap", op_compare_and_swap, { 10, 5, 3, 2, 2 } },
	{ "fetch_add", op_fetch_add, { 8, 8, 2, 2, 2 } },
	{ "update", op_update, { 10, 5, 3, 2, 2 } },
	{ "delete", model_delete, { 12, 4, 40, 5, 8 } },
	{ "load_and_delete", op_load_and_delete, { 8, 2, 20, 5, 2 } },
	{ "compare_and_delete", op_compare_and_delete, { 8, 2, 9, 5, 2 } },
	{ "get_batch", op_get_batch, { 1, 1, 1, 20, 1 } },
	{ "put_batch", op_put_batch, { 1, 1, 0, 10, 1 } },
	{ "len", op_len, { 4, 1, 1, 1, 2 } },
	{ "scan", op_scan, { 4, 1, 1, 10, 20 } },
};

const size_t model_op_count = sizeof(model_ops) / sizeof(*model_ops);
