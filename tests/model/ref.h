/*
 * ref.h - the reference the map is compared with: an array by key number
 *
 * It also remembers, for checking a scan, which keys came or went since the
 * scan began.
 */
#ifndef NH_TESTS_REF_H
#define NH_TESTS_REF_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/model/any.h"
#include "tests/model/kit.h"

struct ref_entry {
	uint64_t value;
	uint32_t changed; /* epoch in which it last came or went */
	uint32_t shown;	  /* epoch in which a scan last showed it */
	bool present;
};

struct ref {
	enum spread spread;
	uint64_t keys;	/* key numbers are below this */
	uint64_t count; /* keys present */
	uint32_t epoch; /* of the scan under way */
	struct ref_entry *entry;
};

/* ref_init - an empty reference; false when there is no memory */
bool ref_init(struct ref *ref, enum spread spread, uint64_t keys);
void ref_fini(struct ref *ref);

/* ref_set - the key has this value now. */
void ref_set(struct ref *ref, uint64_t number, uint64_t value);

/* ref_remove - the key is absent now. */
void ref_remove(struct ref *ref, uint64_t number);

static inline uint64_t
ref_key(const struct ref *ref, uint64_t number)
{
	return key_of(ref->spread, number);
}

/* Checks return NULL, or say what is wrong and put the key into *key. */

/* ref_begin_scan - a scan starts from the beginning */
void ref_begin_scan(struct ref *ref);

/* ref_show - the scan shows this pair, and nothing changed meanwhile */
const char *ref_show(struct ref *ref, uint64_t key, uint64_t value);

/* ref_end_scan - what was present throughout must have been shown */
const char *ref_end_scan(const struct ref *ref, uint64_t *key);

/* ref_compare - get every key, scan, and take the length of a quiet map */
const char *ref_compare(struct ref *ref, const struct any *m, uint64_t *key);

#endif
