/*
 * pin.h - entries that must not be freed yet
 *
 *	pair	| word | reference, with NH_REF_PINNED |
 *	table	reference without flags -> pins of it | NH_PIN_ORPHAN
 *
 * An entry never changes, so all that a pin has to stop is that it is freed.
 * The table counts the pins of each entry that has any; it is a map of its own,
 * made when a map's first pin is.  The flag in the pair says that it is worth
 * looking there: who overwrites or deletes what was never pinned pays one test
 * of it, and who reads pays nothing, since a reference is masked anyway.
 *
 * A pin is counted, then the flag is set, both with the key's block locked.
 * Who takes a reference out of the pair does so with that block locked too, and
 * asks the table when it is not: nobody can find the entry by then, so its
 * count can only go down.  Each count is changed by one compare-and-swap:
 *
 *  pin, overwrite or delete
 *	The lock decides.  Pin first: the flag and the count are seen.  The
 *other first: the pin gets the new value, or none. the last unpin, overwrite or
 *delete Either the count is taken out first, and then the other finds none and
 *	frees the entry; or ORPHAN is set first, and then the unpin, whose
 *	comparison fails and which looks again, takes it out with ORPHAN and
 *	frees the entry.  Never both, never neither.
 *  two unpins
 *	One of them takes out the last count, and it alone looks at ORPHAN.
 *  unpin, pin
 *	The last unpin of an entry that is still in the map leaves the flag as
 *it is: it needs no lock, and a stale flag costs a look when the value goes.
 *	The next pin counts from 1 again.
 *
 * An entry is freed only when the table has nothing of it, so what the table
 * has is of entries that live, and a reference there (it has some bits of the
 * version) is not one to an earlier entry at the same address.
 *
 * Reads through a pin come before its unpin, and that before the free: the
 * table's own block lock orders them.  So the bytes may be read as plain memory
 * though they are written as atomic words.
 */
#ifndef NH_LIB_PIN_H
#define NH_LIB_PIN_H

#include "arch/arch.h"
#include "lib/entry.h"

#define NH_PIN_ORPHAN (UINT64_C(1) << 63) /* in no pair any more */

struct nh_u64;
struct nh_pin_log;

/* The pins of a map. */
struct nh_pins {
	struct nh_slabs *slabs;
	int arch;
	int debug;
	uint64_t age_ms;
	nh_atomic table; /* struct nh_u64 *, NULL until something is pinned */
	nh_atomic log;	 /* struct nh_pin_log *, the same; if debugging */
};

/* nh_pins_init - none, of entries in `slabs`.  Before other threads. */
void nh_pins_init(struct nh_pins *pins, struct nh_slabs *slabs,
		  const struct nh_config *config);

/* nh_pins_fini - forget them all; complain if debugging.  No other thread. */
void nh_pins_fini(struct nh_pins *pins);

/*
 * nh_pins_add - count a pin of the entry.  The block of its pair locked.
 *
 * NH_ERR_NOMEM.  The table was made by then.
 */
int nh_pins_add(struct nh_pins *pins, uint64_t ref);

/*
 * nh_pins_orphan - is an entry pinned that is in no pair any more?
 *
 * If so the last unpin will free it.  Any thread, but only once for an entry.
 */
bool nh_pins_orphan(struct nh_pins *pins, uint64_t ref);

/* nh_pins_has_orphan - does this reference stand there as one?  Any thread. */
bool nh_pins_has_orphan(const struct nh_pins *pins, uint64_t ref);

/* nh_pins_table - a map for the pins' own use.  NULL and *err. */
struct nh_u64 *nh_pins_table(const struct nh_pins *pins, int *err);

/* nh_pins_stats - of what is pinned, to *out.  Any thread. */
void nh_pins_stats(const struct nh_pins *pins, struct nh_stats *out);

/* nh_pins_gone - free what is in no pair any more, unless it is pinned.  Any.
 */
static inline void
nh_pins_gone(struct nh_pins *pins, uint64_t ref)
{
	if (nh_unlikely(ref & NH_REF_PINNED) && nh_pins_orphan(pins, ref))
		return;
	nh_entry_free(pins->slabs, ref);
}

#endif
