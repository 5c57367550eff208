/*
 * pin.c - the counts of pins, and pins as the public sees them
 *
 * pin.h has the picture, and why nothing is freed twice or never.
 */
#include "lib/pin.h"

#include "lib/bytes.h"
#include "lib/pin_log.h"

/* -------------------------------------------------------------------- parts */

void
nh_pins_init(struct nh_pins *pins, struct nh_slabs *slabs,
	     const struct nh_config *config)
{
	pins->slabs = slabs;
	pins->arch = config->arch;
	pins->debug = config->debug;
	pins->age_ms = config->pin_age_ms;
}

/* Nothing of the environment, which is about maps that programs make. */
struct nh_u64 *
nh_pins_table(const struct nh_pins *pins, int *err)
{
	struct nh_config config = { .size = sizeof(config),
				    .arch = pins->arch };

	return nh_u64_create(&config, err);
}

static struct nh_u64 *
table_of(const struct nh_pins *pins)
{
	/* order(pins): acquire, so that the table is seen made */
	return (struct nh_u64 *)(uintptr_t)nh_load_acquire(&pins->table);
}

static struct nh_pin_log *
log_of(const struct nh_pins *pins)
{
	/* order(pins): acquire, so that the log is seen made */
	return (struct nh_pin_log *)(uintptr_t)nh_load_acquire(&pins->log);
}

/* The table must be there before a block is locked. */
static int
make_table(struct nh_pins *pins)
{
	uint64_t none = 0;
	int err = NH_OK;
	struct nh_u64 *made = nh_pins_table(pins, &err);

	if (!made)
		return err;
	/* order(pins): release, after it was made */
	if (!nh_cas_acqrel(&pins->table, &none, (uintptr_t)made))
		nh_u64_destroy(made); /* another thread was first */
	return NH_OK;
}

static int
make_log(struct nh_pins *pins)
{
	uint64_t none = 0;
	int err = NH_OK;
	struct nh_pin_log *made = nh_pin_log_create(pins, &err);

	if (!made)
		return err;
	/* order(pins): release, after it was made */
	if (!nh_cas_acqrel(&pins->log, &none, (uintptr_t)made))
		nh_pin_log_destroy(made); /* another thread was first */
	return NH_OK;
}

static int
make_ready(struct nh_pins *pins)
{
	int err = NH_OK;

	if (nh_unlikely(!table_of(pins)))
		err = make_table(pins);
	if (!err && pins->debug & NH_DEBUG_PINS && !log_of(pins))
		err = make_log(pins);
	return err;
}

void
nh_pins_fini(struct nh_pins *pins)
{
	struct nh_pin_log *log = log_of(pins);

	if (log) {
		nh_pin_log_complain(log);
		nh_pin_log_destroy(log);
	}
	nh_u64_destroy(table_of(pins));
}

/* ------------------------------------------------------------------- counts */

int
nh_pins_add(struct nh_pins *pins, uint64_t ref)
{
	return nh_u64_fetch_add(table_of(pins), ref & ~NH_REF_FLAGS, 1, NULL);
}

/*
 * "No" frees the entry, so it must come after all reads through pins of it.  A
 * get would do that too, but on what the vector loads of a module order.  The
 * compare-and-swap locks the block that the last unpin had locked.
 */
bool
nh_pins_orphan(struct nh_pins *pins, uint64_t ref)
{
	struct nh_u64 *table = table_of(pins);
	uint64_t n = 1;
	int err;

	ref &= ~NH_REF_FLAGS;
	do {
		err = nh_u64_compare_and_swap(table, ref, n, n | NH_PIN_ORPHAN);
		if (err == NH_ERR_MISMATCH)
			(void)nh_u64_get(table, ref,
					 &n); /* or gone: as it is */
	} while (err == NH_ERR_MISMATCH);
	return err == NH_OK;
}

bool
nh_pins_has_orphan(const struct nh_pins *pins, uint64_t ref)
{
	uint64_t n;

	return !nh_u64_get(table_of(pins), ref, &n) && n & NH_PIN_ORPHAN;
}

/* One pin less; without any, free an orphan.  NH_ERR_ARG: it has none. */
static int
remove_count(struct nh_pins *pins, uint64_t ref)
{
	struct nh_u64 *table = table_of(pins);
	uint64_t n;
	int err;

	do {
		if (nh_u64_get(table, ref, &n))
			return NH_ERR_ARG;
		if ((n & ~NH_PIN_ORPHAN) > 1)
			err = nh_u64_compare_and_swap(table, ref, n, n - 1);
		else
			err = nh_u64_compare_and_delete(table, ref, n);
	} while (err == NH_ERR_MISMATCH);
	if (err)
		return NH_ERR_ARG; /* somebody gave it back twice just now */
	if (n == (NH_PIN_ORPHAN | 1))
		nh_entry_free(pins->slabs, ref);
	return NH_OK;
}

static int
count_pins(void *arg, uint64_t ref, uint64_t n)
{
	struct nh_stats *out = arg;

	(void)ref;
	out->pins += n & ~NH_PIN_ORPHAN;
	out->orphans += (n & NH_PIN_ORPHAN) != 0;
	return 0;
}

void
nh_pins_stats(const struct nh_pins *pins, struct nh_stats *out)
{
	const struct nh_u64 *table = table_of(pins);
	struct nh_pin_log *log = log_of(pins);
	struct nh_cursor cursor = { 0 };

	out->pins = out->orphans = out->oldest_pin_ms = 0;
	if (table)
		nh_u64_scan(table, &cursor, count_pins, out);
	if (log)
		out->oldest_pin_ms = nh_pin_log_oldest_ms(log);
}

/* ------------------------------------------------------------------- public */

/* Note a pin that was just made, or take it back. */
static int
note(struct nh_pins *pins, const struct nh_bytes *key, struct nh_pin *pin,
     const void *caller)
{
	int err = nh_pin_log_add(log_of(pins), key, pin, caller, &pin->own[1]);

	if (err)
		remove_count(pins, pin->own[0]);
	return err;
}

int
nh_pin(struct nh_map *m, const void *key, size_t key_len, struct nh_pin *pin)
{
	struct nh_pin made;
	struct nh_key k;
	int err;

	if (!m || !key || !key_len || key_len > NH_KEY_MAX || !pin)
		return NH_ERR_ARG;
	err = make_ready(&m->pins);
	if (err)
		return err;
	k = nh_key_of(m, key, key_len);
	err = m->ops->pin(m, &k, &made);
	if (!err && m->pins.debug & NH_DEBUG_PINS)
		err = note(&m->pins, &k.bytes, &made,
			   __builtin_return_address(0));
	if (!err)
		*pin = made;
	return err;
}

static int
unpin(struct nh_pins *pins, const struct nh_pin *pin)
{
	struct nh_pin_log *log = log_of(pins);
	int err = NH_OK;

	if (!table_of(pins))
		return NH_ERR_ARG;
	if (log)
		err = nh_pin_log_remove(log, pin->own[1], pin->own[0]);
	return err ?: remove_count(pins, pin->own[0]);
}

/*
 * A callback may give pins back, so this must not count as a write there.  It
 * cannot wait for the block that the callback has locked: who has locked a
 * block of the pins' own maps, or the slab, locks no other map's.
 */
int
nh_unpin(struct nh_map *m, struct nh_pin *pin)
{
	bool in_update = nh_self.in_update;
	int err;

	if (!m || !pin)
		return NH_ERR_ARG;
	nh_self.in_update = false;
	err = unpin(&m->pins, pin);
	nh_self.in_update = in_update;
	if (!err)
		*pin = (struct nh_pin){ 0 };
	return err;
}

size_t
nh_pins_report(const struct nh_map *m, uint64_t min_age_ms, char *text,
	       size_t size)
{
	struct nh_pin_log *log = m ? log_of(&m->pins) : NULL;

	if (!text)
		size = 0;
	if (size)
		*text = '\0';
	return log ? nh_pin_log_text(log, min_age_ms, text, size) : 0;
}
