/*
 * any.c - nh_u64 and nh_map by one interface, that of nh_u64
 */
#include "tests/model/any.h"

#include <stdlib.h>
#include <string.h>

#include "tests/model/any_text.h"
#include "tests/model/args.h"

#define BATCH_ROOM 64 /* of a value in a batch; a longer one is got alone */

const char *const any_kinds[] = { "u64", "map", "both", NULL };

struct any *
any_create(enum any_kind kind, const struct nh_config *config, int *err)
{
	struct any *m = calloc(1, sizeof(*m));

	*err = NH_ERR_NOMEM;
	if (m && kind == ANY_U64)
		m->u64 = nh_u64_create(config, err);
	else if (m)
		m->map = nh_map_create(config, err);
	if (m && (m->u64 || m->map))
		return m;
	free(m);
	return NULL;
}

void
any_destroy(struct any *m)
{
	if (!m)
		return;
	nh_u64_destroy(m->u64);
	nh_map_destroy(m->map);
	free(m);
}

/* ------------------------------------------------------------------ strings */

static void
write_text(struct text *t, enum text_kind kind, uint64_t number)
{
	t->len = text_length(kind, number);
	text_write(kind, number, t->bytes);
}

static uint64_t
read_value(const struct text *t)
{
	return text_read(TEXT_VALUE, t->bytes, t->len);
}

/* The room to offer first: mostly enough. */
static size_t
first_room(void)
{
	static _Thread_local unsigned turn;

	return ++turn % 8 ? TEXT_MOST : turn / 8 % 100;
}

/* Was the room too short?  Then offer enough. */
static bool
too_short(int err, size_t offered, struct text *t)
{
	if (err != NH_ERR_SHORT)
		return false;
	if (t->len <= offered || t->len > TEXT_MOST)
		fail("a room of %zu is too short for a value of %zu", offered,
		     t->len);
	t->len = TEXT_MOST;
	return true;
}

/* --------------------------------------------------------------- operations */

int
any_get(const struct any *m, uint64_t key, uint64_t *value)
{
	size_t room = first_room();
	struct text k, v;
	int err;

	if (m->u64)
		return nh_u64_get(m->u64, key, value);
	write_text(&k, TEXT_KEY, key);
	v.len = room;
	do
		err = nh_map_get(m->map, k.bytes, k.len, v.bytes, &v.len);
	while (too_short(err, room, &v));
	if (err == NH_OK)
		*value = read_value(&v);
	return err;
}

int
any_put(struct any *m, uint64_t key, uint64_t value)
{
	struct text k, v;

	if (m->u64)
		return nh_u64_put(m->u64, key, value);
	write_text(&k, TEXT_KEY, key);
	write_text(&v, TEXT_VALUE, value);
	return nh_map_put(m->map, k.bytes, k.len, v.bytes, v.len);
}

int
any_insert(struct any *m, uint64_t key, uint64_t value)
{
	struct text k, v;

	if (m->u64)
		return nh_u64_insert(m->u64, key, value);
	write_text(&k, TEXT_KEY, key);
	write_text(&v, TEXT_VALUE, value);
	return nh_map_insert(m->map, k.bytes, k.len, v.bytes, v.len);
}

int
any_load_or_store(struct any *m, uint64_t key, uint64_t value, uint64_t *actual,
		  bool *loaded)
{
	size_t room = first_room();
	struct text k, v, out;
	int err;

	if (m->u64)
		return nh_u64_load_or_store(m->u64, key, value, actual, loaded);
	write_text(&k, TEXT_KEY, key);
	write_text(&v, TEXT_VALUE, value);
	out.len = room;
	do
		err = nh_map_load_or_store(m->map, k.bytes, k.len, v.bytes,
					   v.len, out.bytes, &out.len, loaded);
	while (too_short(err, room, &out));
	if (err == NH_OK)
		*actual = *loaded ? read_value(&out) : value;
	return err;
}

int
any_swap(struct any *m, uint64_t key, uint64_t value, uint64_t *old,
	 bool *loaded)
{
	size_t room = first_room();
	struct text k, v, out;
	int err;

	if (m->u64)
		return nh_u64_swap(m->u64, key, value, old, loaded);
	write_text(&k, TEXT_KEY, key);
	write_text(&v, TEXT_VALUE, value);
	out.len = room;
	do
		err = nh_map_swap(m->map, k.bytes, k.len, v.bytes, v.len,
				  out.bytes, &out.len, loaded);
	while (too_short(err, room, &out));
	if (err == NH_OK && *loaded)
		*old = read_value(&out);
	return err;
}

int
any_compare_and_swap(struct any *m, uint64_t key, uint64_t expected,
		     uint64_t desired)
{
	struct text k, e, d;

	if (m->u64)
		return nh_u64_compare_and_swap(m->u64, key, expected, desired);
	write_text(&k, TEXT_KEY, key);
	write_text(&e, TEXT_VALUE, expected);
	write_text(&d, TEXT_VALUE, desired);
	return nh_map_compare_and_swap(m->map, k.bytes, k.len, e.bytes, e.len,
				       d.bytes, d.len);
}

int
any_delete(struct any *m, uint64_t key)
{
	struct text k;

	if (m->u64)
		return nh_u64_delete(m->u64, key);
	write_text(&k, TEXT_KEY, key);
	return nh_map_delete(m->map, k.bytes, k.len);
}

int
any_load_and_delete(struct any *m, uint64_t key, uint64_t *old)
{
	size_t room = first_room();
	struct text k, v;
	int err;

	if (m->u64)
		return nh_u64_load_and_delete(m->u64, key, old);
	write_text(&k, TEXT_KEY, key);
	v.len = room;
	do
		err = nh_map_load_and_delete(m->map, k.bytes, k.len, v.bytes,
					     &v.len);
	while (too_short(err, room, &v));
	if (err == NH_OK)
		*old = read_value(&v);
	return err;
}

int
any_compare_and_delete(struct any *m, uint64_t key, uint64_t expected)
{
	struct text k, e;

	if (m->u64)
		return nh_u64_compare_and_delete(m->u64, key, expected);
	write_text(&k, TEXT_KEY, key);
	write_text(&e, TEXT_VALUE, expected);
	return nh_map_compare_and_delete(m->map, k.bytes, k.len, e.bytes,
					 e.len);
}

/* ------------------------------------------------------------------- update */

/* A callback of nh_u64 behind one of nh_map. */
struct update {
	nh_u64_update_fn fn;
	void *arg;
	struct text next;
};

static int
call_update(void *arg, const struct nh_bytes *key, bool present,
	    struct nh_bytes *value)
{
	struct update *u = arg;
	uint64_t number = 0;
	int verdict;

	if (present)
		number = text_read(TEXT_VALUE, value->data, value->len);
	else if (value->len)
		fail("an absent key is shown with a value");
	verdict = u->fn(u->arg, text_read(TEXT_KEY, key->data, key->len),
			present, &number);
	if (verdict == NH_UPDATE_STORE) {
		write_text(&u->next, TEXT_VALUE, number);
		*value = (struct nh_bytes){ u->next.bytes, u->next.len };
	}
	return verdict;
}

int
any_update(struct any *m, uint64_t key, nh_u64_update_fn fn, void *arg)
{
	struct update u;
	struct text k;

	if (m->u64)
		return nh_u64_update(m->u64, key, fn, arg);
	u.fn = fn;
	u.arg = arg;
	write_text(&k, TEXT_KEY, key);
	return nh_map_update(m->map, k.bytes, k.len, call_update, &u);
}

struct addition {
	uint64_t delta, old;
};

static int
add(void *arg, uint64_t key, bool present, uint64_t *value)
{
	struct addition *a = arg;

	(void)key;
	(void)present;
	a->old = *value;
	*value += a->delta;
	return NH_UPDATE_STORE;
}

int
any_fetch_add(struct any *m, uint64_t key, uint64_t delta, uint64_t *old)
{
	struct addition a = { delta, 0 };
	int err;

	if (m->u64)
		return nh_u64_fetch_add(m->u64, key, delta, old);
	err = any_update(m, key, add, &a);
	if (err == NH_OK && old)
		*old = a.old;
	return err;
}

/* ------------------------------------------------------------------ batches */

/* n strings in one piece of memory, to be freed; NULL: there is none. */
static unsigned char *
write_texts(enum text_kind kind, const uint64_t *numbers, size_t n,
	    struct nh_bytes *texts)
{
	unsigned char *memory, *at;
	size_t bytes = 1;

	for (size_t i = 0; i < n; i++)
		bytes += text_length(kind, numbers[i]);
	at = memory = malloc(bytes);
	for (size_t i = 0; i < n && memory; i++) {
		texts[i].data = at;
		texts[i].len = text_length(kind, numbers[i]);
		text_write(kind, numbers[i], at);
		at += texts[i].len;
	}
	return memory;
}

/* What a batch of gets works with. */
struct getting {
	struct nh_bytes *key;
	struct nh_buffer *value;
	int *result;
	unsigned char *keys, *values;
};

static bool
getting_begin(struct getting *g, const uint64_t *keys, size_t n)
{
	g->key = malloc((n + 1) * sizeof(*g->key));
	g->value = malloc((n + 1) * sizeof(*g->value));
	g->result = malloc((n + 1) * sizeof(*g->result));
	g->values = malloc(n * BATCH_ROOM + 1);
	g->keys = g->key ? write_texts(TEXT_KEY, keys, n, g->key) : NULL;
	if (!g->value || !g->result || !g->values || !g->keys)
		return false;
	for (size_t i = 0; i < n; i++)
		g->value[i] = (struct nh_buffer){ g->values + BATCH_ROOM * i,
						  BATCH_ROOM };
	return true;
}

static void
getting_end(struct getting *g)
{
	free(g->key);
	free(g->value);
	free(g->result);
	free(g->keys);
	free(g->values);
}

/* One answer of a batch; a value that is too long is got by itself. */
static bool
got(const struct any *m, const struct getting *g, size_t i, uint64_t *value)
{
	const struct nh_buffer *v = &g->value[i];

	switch (g->result[i]) {
	case NH_OK:
		*value = text_read(TEXT_VALUE, v->data, v->len);
		return true;
	case NH_ERR_SHORT:
		if (v->len <= BATCH_ROOM)
			fail("a batch says that %zu bytes do not fit", v->len);
		return any_get(m,
			       text_read(TEXT_KEY, g->key[i].data,
					 g->key[i].len),
			       value) == NH_OK;
	case NH_ERR_NOTFOUND:
		return false;
	}
	fail("a get of a batch: %s", nh_strerror(g->result[i]));
}

static int
map_get_batch(const struct any *m, struct getting *g, size_t n,
	      uint64_t *values, uint8_t *found, size_t *hits)
{
	size_t right = 0, all = 0, told = 0;
	int err =
		nh_map_get_batch(m->map, g->key, n, g->value, g->result, &told);

	if (err != NH_OK)
		return err;
	for (size_t i = 0; i < n; i++) {
		right += g->result[i] == NH_OK;
		found[i] = got(m, g, i, &values[i]);
		all += found[i];
	}
	if (told != right)
		fail("a batch counts %zu hits and has %zu", told, right);
	if (hits)
		*hits = all;
	return NH_OK;
}

int
any_get_batch(const struct any *m, const uint64_t *keys, size_t n,
	      uint64_t *values, uint8_t *found, size_t *hits)
{
	struct getting g;
	int err = NH_ERR_NOMEM;

	if (m->u64)
		return nh_u64_get_batch(m->u64, keys, n, values, found, hits);
	if (getting_begin(&g, keys, n))
		err = map_get_batch(m, &g, n, values, found, hits);
	getting_end(&g);
	return err;
}

int
any_put_batch(struct any *m, const uint64_t *keys, const uint64_t *values,
	      size_t n, size_t *done)
{
	struct nh_bytes *texts;
	unsigned char *k = NULL, *v = NULL;
	int err = NH_ERR_NOMEM;

	if (m->u64)
		return nh_u64_put_batch(m->u64, keys, values, n, done);
	texts = malloc((2 * n + 1) * sizeof(*texts));
	if (texts) {
		k = write_texts(TEXT_KEY, keys, n, texts);
		v = write_texts(TEXT_VALUE, values, n, texts + n);
	}
	if (k && v)
		err = nh_map_put_batch(m->map, texts, texts + n, n, done);
	else if (done)
		*done = 0;
	free(texts);
	free(k);
	free(v);
	return err;
}

/* ---------------------------------------------------------------- whole map */

/* A callback of nh_u64 behind one of nh_map. */
struct showing {
	nh_u64_scan_fn fn;
	void *arg;
};

static int
call_scan(void *arg, const struct nh_bytes *key, const struct nh_bytes *value)
{
	const struct showing *s = arg;

	return s->fn(s->arg, text_read(TEXT_KEY, key->data, key->len),
		     text_read(TEXT_VALUE, value->data, value->len));
}

int
any_scan(const struct any *m, struct nh_cursor *cursor, nh_u64_scan_fn fn,
	 void *arg)
{
	struct showing s = { fn, arg };

	return m->u64 ? nh_u64_scan(m->u64, cursor, fn, arg)
		      : nh_map_scan(m->map, cursor, call_scan, &s);
}

uint64_t
any_len(const struct any *m)
{
	return m->u64 ? nh_u64_len(m->u64) : nh_map_len(m->map);
}

int
any_clear(struct any *m)
{
	return m->u64 ? nh_u64_clear(m->u64) : nh_map_clear(m->map);
}

int
any_reserve(struct any *m, uint64_t n)
{
	return m->u64 ? nh_u64_reserve(m->u64, n) : nh_map_reserve(m->map, n);
}

int
any_shrink(struct any *m)
{
	return m->u64 ? nh_u64_shrink(m->u64) : nh_map_shrink(m->map);
}

struct nh_stats
any_stats_of(const struct any *m)
{
	struct nh_stats stats = { .size = sizeof(stats) };
	int err = m->u64 ? nh_u64_stats(m->u64, &stats)
			 : nh_map_stats(m->map, &stats);

	if (err != NH_OK)
		memset(&stats, 0xff, sizeof(stats));
	return stats;
}

uint64_t
any_migrations_of(const struct any *m)
{
	struct nh_stats stats = any_stats_of(m);

	return stats.grows + stats.shrinks;
}
