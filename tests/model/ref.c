/*
 * ref.c - the reference the map is compared with: an array by key number
 */
#include "tests/model/ref.h"

#include <stdlib.h>

bool
ref_init(struct ref *ref, enum spread spread, uint64_t keys)
{
	*ref = (struct ref){ .spread = spread, .keys = keys, .epoch = 1 };
	ref->entry = calloc(keys, sizeof(*ref->entry));
	return ref->entry != NULL;
}

void
ref_fini(struct ref *ref)
{
	free(ref->entry);
	ref->entry = NULL;
}

void
ref_set(struct ref *ref, uint64_t number, uint64_t value)
{
	struct ref_entry *entry = &ref->entry[number];

	if (!entry->present) {
		entry->present = true;
		entry->changed = ref->epoch;
		ref->count++;
	}
	entry->value = value;
}

void
ref_remove(struct ref *ref, uint64_t number)
{
	struct ref_entry *entry = &ref->entry[number];

	if (!entry->present)
		return;
	entry->present = false;
	entry->changed = ref->epoch;
	ref->count--;
}

void
ref_begin_scan(struct ref *ref)
{
	ref->epoch++;
}

const char *
ref_show(struct ref *ref, uint64_t key, uint64_t value)
{
	uint64_t number = key_number(ref->spread, key);
	struct ref_entry *entry;

	if (number >= ref->keys)
		return "scan shows a key that never was";
	entry = &ref->entry[number];
	if (!entry->present)
		return "scan shows an absent key";
	if (entry->value != value)
		return "scan shows another value";
	if (entry->shown == ref->epoch && entry->changed != ref->epoch)
		return "scan shows a key twice";
	entry->shown = ref->epoch;
	return NULL;
}

const char *
ref_end_scan(const struct ref *ref, uint64_t *key)
{
	for (uint64_t i = 0; i < ref->keys; i++) {
		const struct ref_entry *entry = &ref->entry[i];

		if (!entry->present || entry->changed == ref->epoch ||
		    entry->shown == ref->epoch)
			continue;
		*key = ref_key(ref, i);
		return "scan missed a key";
	}
	return NULL;
}

/* What the callback of a comparing scan works on. */
struct compare {
	struct ref *ref;
	const char *wrong;
	uint64_t key;
};

static int
compare_pair(void *arg, uint64_t key, uint64_t value)
{
	struct compare *compare = arg;

	compare->key = key;
	compare->wrong = ref_show(compare->ref, key, value);
	return compare->wrong != NULL;
}

static const char *
compare_scan(struct ref *ref, const struct any *m, uint64_t *key)
{
	struct compare compare = { .ref = ref };
	struct nh_cursor cursor = { 0 };

	ref_begin_scan(ref);
	if (any_scan(m, &cursor, compare_pair, &compare) != NH_OK) {
		*key = compare.key;
		return compare.wrong ? compare.wrong : "scan failed";
	}
	if (!cursor.done)
		return "scan ended and its cursor is not done";
	return ref_end_scan(ref, key);
}

static const char *
compare_get(const struct ref_entry *entry, const struct any *m, uint64_t key)
{
	uint64_t value = POISON;
	int err = any_get(m, key, &value);

	if (err == NH_ERR_NOTFOUND && value != POISON)
		return "get misses, yet writes its result";
	if (err != (entry->present ? NH_OK : NH_ERR_NOTFOUND))
		return entry->present ? "get misses a key"
				      : "get finds an absent key";
	if (entry->present && value != entry->value)
		return "get has another value";
	return NULL;
}

const char *
ref_compare(struct ref *ref, const struct any *m, uint64_t *key)
{
	*key = 0;
	if (any_len(m) != ref->count)
		return "length differs";
	if (any_stats_of(m).entries != ref->count)
		return "entries in the statistics differ";
	for (uint64_t i = 0; i < ref->keys; i++) {
		const char *wrong;

		*key = ref_key(ref, i);
		wrong = compare_get(&ref->entry[i], m, *key);
		if (wrong)
			return wrong;
	}
	return compare_scan(ref, m, key);
}
