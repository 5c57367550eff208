/*
 * bytes_find.h - find a key of nh_map: by readers, who take no lock, and by
 * who holds the key's block
 *
 * What a reader does with an entry is what lib/slab.h asks of it.  A pair
 * counts only where the table it stands in has the say, and that is looked at
 * after each time the pair was loaded, before the entry is touched: what a
 * retired table holds may be anything by now.
 *
 * Keys may share a word.  So a search goes on when an entry turns out to be
 * another key's.
 */
#ifndef NH_LIB_BYTES_FIND_H
#define NH_LIB_BYTES_FIND_H

#include "lib/bytes.h"
#include "lib/entry.h"
#include "lib/scan.h"

/* What must hold for a pair to be believed. */
struct nh_look {
	const struct nh_descriptor *d;
	uint64_t size;
	const struct nh_line *live; /* this block must be, unless NULL */
	struct nh_line *home;
};

/* What a reader saw: an entry, who refers to it, and where its parts are. */
struct nh_met {
	const struct nh_pair *at;
	uint64_t ref;
	const struct nh_entry *entry;
	uint64_t header;
	struct nh_shape shape;
	uint64_t word; /* what *at had; with NH_AGES alone */
	uint64_t hash; /* where it was looked for; the same */
};

enum nh_seen {
	NH_SEEN_NOTHING, /* not this key */
	NH_SEEN_KEY,	 /* it was there, and here is its entry */
	NH_SEEN_CHANGE,	 /* somebody wrote: start over */
};

static inline bool
nh_look_holds(const struct nh_look *look)
{
	/* order(drained): acquire, so that the size is looked at after it */
	if (nh_unlikely(look->live) &&
	    !(nh_load_acquire(&look->live->pair[0].word) & NH_WORD_LIVE))
		return false;
	return !nh_size_changed(look->d, look->size);
}

/* A key as one looks for it in a table, where its hash has another word. */
static inline struct nh_key
nh_key_stored(const struct nh_key *key, uint64_t word)
{
	struct nh_key stored = *key;

	stored.hash = word >> 8;
	return stored;
}

/* nh_look_begin() gave a block without keys: see nh_look_salted() */
static inline bool
nh_look_is_salted(const struct nh_look *look)
{
	return nh_line_even(look->home) == nh_moving_block;
}

/*
 * nh_look_salted - as nh_look_begin(), whatever salts the segment's tables have
 *
 * *stored is the hash that a key of `hash` is to be looked for with.
 */
static inline struct nh_look
nh_look_salted(const struct nh_core *core, uint64_t hash, uint64_t *stored)
{
	struct nh_core *m = (struct nh_core *)core;
	struct nh_segment *s = &m->segment[nh_segment_of(hash)];
	struct nh_look look = { .d = nh_descriptor_of(m, s) };
	struct nh_home home;

	nh_adapt_note(core, hash);
	do
		/* order(size): acquire, so that the tables' fields are seen */
		look.size = nh_load_acquire(&look.d->size);
	while (!nh_segment_home(s, look.d, look.size, nh_word_of(hash), &home));
	look.home = home.line;
	*stored = home.word >> 8;
	if (look.size & NH_SIZE_MIGRATING &&
	    home.table == nh_segment_table(s, look.size))
		look.live = nh_line_even(home.line);
	return look;
}

/*
 * Where to look for a hash.  Any thread.
 *
 * In a segment with a salt: in nh_moving_block, as its descriptor says.
 */
static inline struct nh_look
nh_look_begin(const struct nh_core *core, uint64_t hash)
{
	struct nh_core *m = (struct nh_core *)core;
	struct nh_segment *s = &m->segment[nh_segment_of(hash)];
	const struct nh_descriptor *d = nh_descriptor_of_hash(core, hash);
	/* order(size): acquire, so that the lines are seen filled */
	struct nh_kv kv = nh_pair_load(&d->pair);
	struct nh_look look = { d, kv.word, NULL, NULL };
	uint64_t word = nh_word_of(hash);

	look.home = (struct nh_line *)(uintptr_t)kv.value +
		    nh_line_index(word, kv.word & NH_SIZE_LINES);
	while (nh_unlikely(look.size & NH_SIZE_MIGRATING)) {
		struct nh_home home;

		if (nh_segment_salted(s, look.size))
			break;
		if (nh_segment_home(s, d, look.size, word, &home)) {
			look.home = home.line;
			if (home.table == nh_segment_table(s, look.size))
				look.live = nh_line_even(home.line);
			break;
		}
		/* order(size): acquire, so that the lines are seen filled */
		kv = nh_pair_load(&d->pair);
		look.size = kv.word;
		look.home = (struct nh_line *)(uintptr_t)kv.value +
			    nh_line_index(word, kv.word & NH_SIZE_LINES);
	}
	return look;
}

/* A pair has the word that is wanted: is it the key? */
static inline enum nh_seen
nh_entry_meet(const struct nh_pair *at, struct nh_kv kv,
	      const struct nh_bytes *key, const struct nh_look *look,
	      struct nh_met *met)
{
	const struct nh_entry *e = nh_ref_entry(kv.value);
	struct nh_kv again;

	if (nh_unlikely(!nh_look_holds(look)))
		return NH_SEEN_CHANGE;
	/* Most entries end in their second line: let both come at once. */
	nh_prefetch((const char *)e + NH_LINE_BYTES);
	met->at = at;
	met->ref = kv.value;
	if (NH_AGES)
		met->word = kv.word;
	met->entry = e;
	met->header = nh_slab_word(&e->header);
	if (nh_unlikely(!nh_header_fits(met->header, kv.value)))
		return NH_SEEN_CHANGE;
	again = nh_pair_load(at);
	if (nh_unlikely(((again.word ^ kv.word) & NH_WORD_KEY) ||
			again.value != kv.value || !nh_look_holds(look)))
		return NH_SEEN_CHANGE;
	met->shape = nh_entry_shape(e, met->header);
	/* A long length is a word like others: it leads nowhere if it is not
	 * this entry's any more. */
	if (nh_unlikely(met->shape.value_len >= NH_LENGTH_LONG) &&
	    nh_slab_word(&e->header) != met->header)
		return NH_SEEN_CHANGE;
	if (nh_likely(nh_entry_has_key(e, &met->shape, key)))
		return NH_SEEN_KEY;
	return nh_slab_word(&e->header) == met->header ? NH_SEEN_NOTHING
						       : NH_SEEN_CHANGE;
}

/*
 * nh_met_still - what was copied from the entry since it was met is right
 *
 * The pair is looked at once more, last: lib/slab.h says against what.
 */
static inline bool
nh_met_still(const struct nh_met *met)
{
	if (nh_unlikely(nh_slab_word(&met->entry->header) != met->header))
		return false;
	/* order(pair): acquire, as nh_pair_load() */
	return nh_load_acquire(&met->at->value) == met->ref;
}

/*
 * nh_home_glance - is it the first pair of the home line that has the word?
 *
 * True: that is the key.  False says nothing.
 */
static inline bool
nh_home_glance(const struct nh_key *key, const struct nh_look *look,
	       struct nh_met *met)
{
	uint64_t want = nh_want_of(key->hash);
	unsigned match = nh_line_match(look->home, want, &nh_word_key);
	const struct nh_pair *at;
	struct nh_kv kv;

	if (nh_unlikely(!match))
		return false;
	at = &look->home->pair[nh_match_slot(match)];
	kv = nh_pair_load(at);
	return nh_likely(!((kv.word ^ want) & NH_WORD_KEY)) &&
	       nh_entry_meet(at, kv, &key->bytes, look, met) == NH_SEEN_KEY;
}

/* One line; *flags: the words of slots 3 and 0 or'ed, loaded in this order. */
static inline enum nh_seen
nh_line_meet(const struct nh_line *line, const struct nh_key *key,
	     const struct nh_look *look, struct nh_met *met, uint64_t *flags)
{
	static const unsigned char order[NH_LINE_SLOTS] = { 3, 0, 1, 2 };
	uint64_t want = nh_word_of(key->hash);

	*flags = 0;
	for (unsigned i = 0; i < NH_LINE_SLOTS; i++) {
		const struct nh_pair *at = &line->pair[order[i]];
		struct nh_kv kv = nh_pair_load(at);
		enum nh_seen seen;

		if (i < 2)
			*flags |= kv.word;
		if (nh_likely((kv.word ^ want) & NH_WORD_KEY))
			continue;
		seen = nh_entry_meet(at, kv, &key->bytes, look, met);
		if (seen != NH_SEEN_NOTHING)
			return seen;
	}
	return NH_SEEN_NOTHING;
}

/*
 * What was loaded as a link may be a pair by now: the one that is wanted?  It
 * may have come there since the line was searched, and left where the link led.
 */
static inline enum nh_seen
nh_link_meet(const struct nh_pair *at, struct nh_kv link,
	     const struct nh_key *key, const struct nh_look *look,
	     struct nh_met *met)
{
	if (nh_likely((link.word ^ nh_word_of(key->hash)) & NH_WORD_KEY))
		return NH_SEEN_NOTHING;
	return nh_entry_meet(at, link, &key->bytes, look, met);
}

static enum nh_seen
nh_chain_meet(struct nh_kv link, const struct nh_key *key,
	      const struct nh_look *look, struct nh_met *met)
{
	const struct nh_line *line = nh_link_target(link);
	enum nh_seen seen = NH_SEEN_NOTHING;

	while (line && seen == NH_SEEN_NOTHING) {
		const struct nh_pair *at = &line->pair[NH_LINK_SLOT];
		uint64_t flags;

		seen = nh_line_meet(line, key, look, met, &flags);
		if (seen != NH_SEEN_NOTHING)
			break;
		if (nh_unlikely(!nh_look_holds(look)))
			return NH_SEEN_CHANGE;
		link = nh_pair_load(at);
		seen = nh_link_meet(at, link, key, look, met);
		line = nh_link_target(link);
	}
	return seen;
}

/*
 * nh_block_meet - find a key without a lock
 *
 * As nh_block_find(): what the odd line's slot 3 had at first decides, be it
 * the key itself or a link, and what a chain says holds only if it is the same
 * afterwards: "no", since pairs move, and "yes", since a line that was freed
 * may be about to begin a chain with a pair that nobody is to see yet.  In the
 * two lines "yes" needs no such proof: an entry that still is what it was is
 * the key's.  Nothing: the look must still hold.
 */
static inline enum nh_seen
nh_block_meet(const struct nh_key *key, const struct nh_look *look,
	      struct nh_met *met)
{
	struct nh_line *home = look->home;
	const struct nh_pair *at = &nh_line_even(home)[1].pair[NH_LINK_SLOT];
	struct nh_kv link = nh_pair_load(at);
	uint64_t flags, other;
	enum nh_seen seen = nh_line_meet(home, key, look, met, &flags);

	/* order(more): acquire, by the loads of nh_line_meet() */
	if (nh_likely(seen != NH_SEEN_NOTHING ||
		      !(flags & nh_word_more(nh_word_of(key->hash)))))
		return seen;
	seen = nh_line_meet(nh_line_other(home), key, look, met, &other);
	if (seen == NH_SEEN_NOTHING)
		seen = nh_link_meet(at, link, key, look, met);
	if (seen != NH_SEEN_NOTHING)
		return seen;
	seen = nh_chain_meet(link, key, look, met);
	/* order(link): acquire, after the chain: see line.h, (b) */
	return nh_load_acquire(&at->word) == link.word ? seen : NH_SEEN_CHANGE;
}

/* ------------------------------------------------------------- block locked */

/* Of the slots of a line that have the word, the one with the key.  Locked. */
static inline int
nh_line_key_slot(const struct nh_line *line, const struct nh_key *key)
{
	uint64_t want = nh_word_of(key->hash);

	for (unsigned i = 0; i < NH_LINE_SLOTS; i++) {
		struct nh_shape shape;
		const struct nh_entry *e;

		if (nh_likely((nh_slot_word(line, i) ^ want) & NH_WORD_KEY))
			continue;
		/* relaxed: nobody else writes it while it is locked. */
		e = nh_ref_entry(nh_load_relaxed(&line->pair[i].value));
		shape = nh_entry_shape(e, nh_slab_word(&e->header));
		if (nh_likely(nh_entry_has_key(e, &shape, &key->bytes)))
			return (int)i;
	}
	return -1;
}

/* nh_block_key_spot - where the key lies.  Locked. */
static inline struct nh_spot
nh_block_key_spot(struct nh_line *home, const struct nh_key *key)
{
	struct nh_line *line = home;
	int slot = nh_line_key_slot(line, key);

	if (slot < 0 &&
	    nh_slot_word(home, 0) & nh_word_more(nh_word_of(key->hash))) {
		line = nh_line_other(home);
		slot = nh_line_key_slot(line, key);
		if (slot < 0)
			line = &nh_line_even(home)[1];
		while (slot < 0) {
			line = nh_link_target(
				nh_pair_load(&line->pair[NH_LINK_SLOT]));
			if (!line)
				break;
			slot = nh_line_key_slot(line, key);
		}
	}
	if (slot < 0)
		return (struct nh_spot){ NULL, 0 };
	return (struct nh_spot){ line, (unsigned)slot };
}

#endif
