/*
 * life.c - what maps must be able to do wherever they are
 */
#include "tests/hostile/life.h"

#include <inttypes.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "tests/model/args.h"
#include "tests/model/kit.h"

#define KEYS 150000
#define MOST_KEYS 50000000

static void
must(const char *what, int err)
{
	if (err != NH_OK)
		fail("%s: %s", what, nh_strerror(err));
}

/* ----------------------------------------------------------------- numbers */

struct nh_u64 *
life_begin(uint64_t keys)
{
	int err;
	struct nh_u64 *m = nh_u64_create(NULL, &err);

	must("create", m ? NH_OK : err);
	for (uint64_t i = 0; i < keys; i++)
		must("put", nh_u64_put(m, mix64(i), i));
	return m;
}

void
life_check(const struct nh_u64 *m, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++) {
		uint64_t value;

		must("get", nh_u64_get(m, mix64(i), &value));
		if (value != i)
			fail("key %" PRIu64 " has %" PRIu64, i, value);
	}
}

static void delete (struct nh_u64 *m, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		must("delete", nh_u64_delete(m, mix64(i)));
}

static void
life_of_numbers(void)
{
	struct nh_u64 *m = life_begin(KEYS);

	life_check(m, 0, KEYS);
	delete (m, KEYS / 8, KEYS);
	must("shrink", nh_u64_shrink(m));
	life_check(m, 0, KEYS / 8);
	if (nh_u64_len(m) != KEYS / 8)
		fail("%" PRIu64 " keys left", nh_u64_len(m));
	for (uint64_t i = KEYS / 8; i < 2 * KEYS; i++)
		must("put again", nh_u64_put(m, mix64(i), i));
	life_check(m, 0, 2 * KEYS);
	nh_u64_destroy(m);
}

/* ------------------------------------------------------------ byte strings */

static size_t
key_of_number(char *key, uint64_t i)
{
	return (size_t)sprintf(key, "key-%" PRIx64, mix64(i));
}

static void
put_strings(struct nh_map *m, uint64_t from, uint64_t to)
{
	char key[32], value[200];

	for (uint64_t i = from; i < to; i++) {
		memset(value, (int)(i % 251), sizeof(value));
		must("put a string", nh_map_put(m, key, key_of_number(key, i),
						value, 1 + i % sizeof(value)));
	}
}

static void
check_strings(const struct nh_map *m, uint64_t from, uint64_t to)
{
	char key[32], value[200];

	for (uint64_t i = from; i < to; i++) {
		size_t length = sizeof(value);

		must("get a string",
		     nh_map_get(m, key, key_of_number(key, i), value, &length));
		if (length != 1 + i % sizeof(value) ||
		    value[length - 1] != (char)(i % 251))
			fail("key %" PRIu64 " has another value", i);
	}
}

static void
life_of_strings(void)
{
	int err;
	struct nh_map *m = nh_map_create(NULL, &err);
	char key[32];

	must("create", m ? NH_OK : err);
	put_strings(m, 0, KEYS);
	check_strings(m, 0, KEYS);
	for (uint64_t i = KEYS / 4; i < KEYS; i++)
		must("delete a string",
		     nh_map_delete(m, key, key_of_number(key, i)));
	must("shrink", nh_map_shrink(m));
	check_strings(m, 0, KEYS / 4);
	put_strings(m, KEYS, KEYS + KEYS / 2);
	check_strings(m, KEYS, KEYS + KEYS / 2);
	nh_map_destroy(m);
}

void
life_of_maps(void)
{
	life_of_numbers();
	life_of_strings();
}

void
life_until_full(uint64_t keys)
{
	struct nh_u64 *m = life_begin(0);
	uint64_t n = 0, value;
	int err;

	while ((err = nh_u64_put(m, mix64(n), n)) == NH_OK)
		if (++n == MOST_KEYS)
			fail("memory has no end");
	if (err != NH_ERR_NOMEM)
		fail("full: %s", nh_strerror(err));
	if (n < keys)
		fail("%" PRIu64 " keys only", n);
	if (nh_u64_len(m) != n)
		fail("%" PRIu64 " keys, not %" PRIu64, nh_u64_len(m), n);
	life_check(m, 0, n);
	if (nh_u64_get(m, mix64(n), &value) != NH_ERR_NOTFOUND)
		fail("the key that did not fit is there");
	delete (m, 0, n / 2);
	/* Where others were there is room. */
	must("put in their place", nh_u64_put(m, mix64(0), 0));
	life_check(m, n / 2, n);
	nh_u64_destroy(m);
}

/* ---------------------------------------------------------- what it says */

struct nh_memory
life_memory(void)
{
	struct nh_memory memory = { .size = sizeof(memory) };

	must("memory stats", nh_memory_stats(&memory));
	return memory;
}

/* The line that begins so, or NULL. */
static const char *
line_of(const char *start)
{
	static char text[16384];
	size_t length = strlen(start);

	nh_describe(text, sizeof(text));
	for (const char *at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (!strncmp(at, start, length))
			return at;
	}
	return NULL;
}

void
life_says(const char *line)
{
	const char *at = line_of(line);

	if (!at || at[strlen(line)] != '\n')
		fail("nh_describe does not say \"%s\"", line);
}

uint64_t
life_number(const char *name)
{
	const char *at = line_of(name);

	if (!at || at[strlen(name)] != ':')
		fail("nh_describe says nothing of \"%s\"", name);
	return strtoull(at + strlen(name) + 1, NULL, 10);
}
