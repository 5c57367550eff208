/*
 * without.c - what the system refused
 */
#include "numa/without.h"

#include <stdio.h>
#include <string.h>

#include "arch/atomic.h"

static nh_atomic counts[NH_WITHOUT_KINDS];
static nh_atomic reasons[NH_WITHOUT_KINDS];
static void (*listener)(const char *line);

static void
tell(enum nh_without what, int err)
{
	static const char *const text[NH_WITHOUT_KINDS] = {
#define TEXT(name, words) words,
		NH_WITHOUTS(TEXT)
#undef TEXT
	};
	char why[64] = "", line[192];

	if (err)
		snprintf(why, sizeof(why), " (%s)", strerrordesc_np(err));
	snprintf(line, sizeof(line), "numahash: %s%s\n", text[what], why);
	listener(line);
}

void
nh_without(enum nh_without what, int err)
{
	/* relaxed: for people to read. */
	nh_store_relaxed(&reasons[what], (uint64_t)err);
	/* relaxed: a count that orders nothing; who gets 0 is the first. */
	if (!nh_add_relaxed(&counts[what], 1) && listener)
		tell(what, err);
}

uint64_t
nh_without_count(enum nh_without what)
{
	/* relaxed: a count that orders nothing. */
	return nh_load_relaxed(&counts[what]);
}

int
nh_without_errno(enum nh_without what)
{
	/* relaxed: for people to read. */
	return (int)nh_load_relaxed(&reasons[what]);
}

void
nh_without_listen(void (*fn)(const char *line))
{
	listener = fn;
}
