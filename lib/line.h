/*
 * line.h - words, lines and blocks
 *
 *	block = 128 bytes = two lines, 128-byte aligned
 *
 *	even  | word0 value0 | word1 value1 | word2 value2 | word3 value3 |
 *	odd   | word0 value0 | word1 value1 | word2 value2 | word3 value3 |
 *
 *	word  | 56 hash bits                                     | 8 bits |
 *
 * A key's hash names its segment (top 8 bits) and its *home* line (the bits
 * below); the word keeps all but the top 8, so within a segment a word says
 * which key it is.  A key that does not fit its home line lies in the other
 * line of the block, which the processor's spatial prefetcher tends to bring
 * along, and when the block is full in a chain of overflow lines.
 *
 *	VALID	a pair
 *	LINK	slot 3 of the odd line, or of an overflow line: `value` is the
 *		next overflow line, and the 56 bits number this link: no two
 *		links of a table ever have the same word
 *	MORE	slot 0: keys with this home may lie elsewhere; two flags, for
 *		those whose last bit is 0 and is 1.  Both are set in each LINK,
 *		so that the words of slots 0 and 3 or'ed tell
 *	LOCK	slot 0 of the even line: a writer owns the block
 *	LIVE	slot 0 of the even line: the block is in use; clear in memory
 *		that is fresh, drained, or not yet filled
 *	AGE	two bits of a pair, of maps with idle reclaim alone: what its
 *		segment's clock said when it was last used
 *
 * What moves, always with the block locked, and how a reader that takes no
 * lock still misses nothing that is there throughout:
 *
 *  (a) a pair in slot 3 of the odd line (or of the last overflow line) makes
 *	room for a link: it is first copied to the new overflow line, then the
 *	link replaces it in one store.  The reader sees the pair or the link.
 *  (b) a pair in the chain moves up into a slot that became free: it is first
 *	copied there, then the number of the odd line's link changes (or the
 *	pair replaces that link), then the chain slot is cleared.  A reader
 *	that found the chain slot cleared sees the changed word when it looks
 *	at the odd line's slot 3 once more, and starts over.  The same goes for
 *	a line of the chain: its link's place and the odd line's link change
 *	before it is freed, so what a reader found in a line that had become
 *	another chain's, and may not be published yet, it does not believe.
 *
 * Nothing else moves.  So a search of the home line alone may answer "no" when
 * it loads slot 3 first and slot 0 second: at the first load the key is not in
 * slot 3 and there is no link, or the link's MORE is seen.  Then at the second
 * load it is elsewhere, and MORE is seen; or in slots 0 to 2, which it never
 * leaves; or it has come into slot 3 in between.  In the odd line it then has
 * replaced a link, which the first load saw; and off the even line MORE is not
 * taken while slot 3 has a pair.
 *
 * Marks.  In a map with idle reclaim (NH_AGES; lib/idle.h) who finds a key sets
 * the AGE of its word to the present one, if it differs: by one compare and
 * swap of that word, readers too, who hold no lock, while others that do load
 * words, and store them later.  Why nothing but an age can come of it:
 *
 *  - The swap is one step, from a word with VALID that was seen, to the same
 *	with another AGE.  So all other bits of every word, the flags of slot 0
 *	among them, take the values they would take without marks: a bit that a
 *	writer has changed since makes the swap fail.  A store of zeros, of
 *	another pair or of a link stays; LOCK is neither set nor cleared; a
 *	link, an empty slot and what the stack of free lines keeps have no
 *	VALID.
 *  - A writer that loaded a word before the swap and stores it after it, with
 *	other flags or in another slot or table, loses the mark.  So does the
 *	builder of a migration's new blocks.  Then the entry is as old as
 *	it was, and its next use tries again.
 *  - A reader that slept may mark a word in memory that is another table's by
 *	now, or about to be: only if that has the very same word, so the first
 *	point holds there too.  In a map without ages nobody looks at these
 *	bits, nor does a migration mind them.
 *  - As a swap is a read-modify-write, who acquires a word that was marked
 *	still sees what the one who stored it last released.
 *  - A mark makes a lock's swap fail, and a reader that compares the word of a
 *	pair in the odd line's slot 3 start over.  No word is marked twice at
 *	one stand of the clock by those who have read the clock since, so
 *	nobody starts over for ever.
 *  - The swap writes where no lock is held, but nowhere that nh_block_lock()
 *	would not write: to a line whose word was just loaded and not zero.
 */
#ifndef NH_LIB_LINE_H
#define NH_LIB_LINE_H

#include <sched.h>

#include "arch/arch.h"

#define NH_WORD_VALID UINT64_C(1)
#define NH_WORD_LINK UINT64_C(2)
#define NH_WORD_MORE_EVEN UINT64_C(4)
#define NH_WORD_MORE_ODD UINT64_C(8)
#define NH_WORD_MORE (NH_WORD_MORE_EVEN | NH_WORD_MORE_ODD)
#define NH_WORD_LOCK UINT64_C(32)
#define NH_WORD_LIVE UINT64_C(16)
#define NH_WORD_AGE UINT64_C(192)
#define NH_WORD_META UINT64_C(255)
#define NH_WORD_KEY (~NH_WORD_META | NH_WORD_VALID)
#define NH_WORD_PAIR (NH_WORD_KEY | NH_WORD_AGE) /* what moves with a pair */
#define NH_WORD_SLOT0 (NH_WORD_MORE | NH_WORD_LOCK | NH_WORD_LIVE)

#define NH_AGE_STEP UINT64_C(64)

/* Code of maps with idle reclaim; for the others nothing of it is left. */
#ifdef NH_AGED
#define NH_AGES 1
#else
#define NH_AGES 0
#endif

#define NH_LINE_BYTES sizeof(struct nh_line)
#define NH_BLOCK_BYTES ((size_t)128)
#define NH_BLOCK_SLOTS (2 * NH_LINE_SLOTS)
#define NH_LOCK_SPINS 64

/* The bits of a word that say which key it is, in memory for vectors. */
static const uint64_t nh_word_key = NH_WORD_KEY;

/* Those that a quick look compares: a pair of another age needs a mark. */
static const uint64_t nh_word_quick = NH_AGES ? NH_WORD_PAIR : NH_WORD_KEY;

/* Those that an empty slot has not. */
static const uint64_t nh_word_taken = NH_WORD_VALID | NH_WORD_LINK;

/* nh_word_of - what a pair of this hash has in its word */
static inline uint64_t
nh_word_of(uint64_t hash)
{
	return hash << 8 | NH_WORD_VALID;
}

/*
 * nh_want_of - a hash's word, for where flags are masked out: all are set
 *
 * One value to match with and to find the home by.  Written as a turn, since
 * who wants it wants the segment's number as well.
 */
static inline uint64_t
nh_want_of(uint64_t hash)
{
	return (hash << 8 | hash >> 56) | NH_WORD_META;
}

/*
 * nh_line_index - which of `lines` is home to a word
 *
 * The flags count as ones, so it does not matter which are set.  Keeps the
 * order of hashes, so any number of lines will do, a migration is a
 * sweep, and the lines of one group of the old table are those of one group of
 * the new (D. Lemire, "Fast random integer generation in an interval", 2019,
 * has the product; growing by it is linear hashing's order without its split).
 */
static inline uint64_t
nh_line_index(uint64_t word, uint64_t lines)
{
	return nh_mul_high(word | NH_WORD_META, lines);
}

static inline struct nh_line *
nh_line_even(struct nh_line *line)
{
	return (struct nh_line *)((uintptr_t)line & ~(NH_BLOCK_BYTES - 1));
}

static inline struct nh_line *
nh_line_other(struct nh_line *line)
{
	return (struct nh_line *)((uintptr_t)line ^ sizeof(struct nh_line));
}

/* nh_wait - one turn of waiting; gives the processor up every so often */
static inline void
nh_wait(unsigned *spins)
{
	if (++*spins % NH_LOCK_SPINS)
		nh_pause();
	else
		sched_yield();
}

/*
 * nh_block_lock - false when the block is not live.  Any thread.
 *
 * `even` may lie in memory that became another table's: the lock is then that
 * table's, taken and let go like anybody's.  So the caller looks once more at
 * the segment's descriptor before it believes what it locked.  Fresh and
 * drained memory is not live and cannot be locked, which is why a table may be
 * filled with plain stores.
 */
static inline bool
nh_block_lock(struct nh_line *even, bool *waited)
{
	nh_atomic *lock = &even->pair[0].word;
	unsigned spins = 0;

	for (;;) {
		/* order(drained): acquire, so the new block is seen filled */
		uint64_t w = nh_load_acquire(lock);

		if (nh_unlikely(!(w & NH_WORD_LIVE)))
			return false;
		if (nh_unlikely(w & NH_WORD_LOCK)) {
			*waited = true;
			nh_wait(&spins);
			continue;
		}
		/* order(block-lock): acquire, so the last writer's stores and
		 * the descriptor as it was then are seen */
		if (nh_likely(nh_cas_acquire(lock, &w, w | NH_WORD_LOCK)))
			return true;
	}
}

/*
 * nh_block_try_lock - one attempt; *word is what slot 0 had.  Any thread.
 *
 * What nh_block_lock() says of `even` holds here.  False: it is locked, not
 * live, or somebody came between.
 */
static inline bool
nh_block_try_lock(struct nh_line *even, uint64_t *word)
{
	nh_atomic *lock = &even->pair[0].word;

	/* order(drained): acquire, so the new block is seen filled */
	*word = nh_load_acquire(lock);
	if (nh_unlikely((*word & (NH_WORD_LIVE | NH_WORD_LOCK)) !=
			NH_WORD_LIVE))
		return false;
	/* order(block-lock): acquire, so the last writer's stores and the
	 * descriptor as it was then are seen */
	return nh_likely(nh_cas_acquire(lock, word, *word | NH_WORD_LOCK));
}

/* nh_block_unlock - Block locked. */
static inline void
nh_block_unlock(struct nh_line *even)
{
	/* relaxed: nobody else writes it while it is locked. */
	uint64_t w = nh_load_relaxed(&even->pair[0].word);

	/* order(block-lock): release, after all that was written under it */
	nh_store_release(&even->pair[0].word, w & ~NH_WORD_LOCK);
}

/*
 * nh_block_unlock_as - let a block go whose slot 0 has `word` again.  Locked.
 *
 * With ages it may have been marked since.
 */
static inline void
nh_block_unlock_as(struct nh_line *even, uint64_t word)
{
	if (NH_AGES)
		nh_block_unlock(even);
	else
		/* order(block-lock): release, after what was written under it
		 */
		nh_store_release(&even->pair[0].word, word);
}

/* nh_slot_store - a pair, or zeros, with the flags of slot 0 kept.  Locked. */
static inline void
nh_slot_store(struct nh_line *line, unsigned slot, uint64_t word,
	      uint64_t value)
{
	struct nh_kv kv = { word, value };

	if (slot == 0)
		/* relaxed: nobody else writes it while it is locked. */
		kv.word |= nh_load_relaxed(&line->pair[0].word) & NH_WORD_SLOT0;
	nh_pair_store(&line->pair[slot], kv);
}

/* nh_word_mark - set the age of a pair whose word was `w`.  Any thread. */
static inline void
nh_word_mark(nh_atomic *word, uint64_t w, uint64_t age)
{
	if (nh_unlikely((w ^ age) & NH_WORD_AGE))
		/* relaxed: an age orders nothing, and "marks" above. */
		nh_cas_relaxed(word, &w, (w & ~NH_WORD_AGE) | age);
}

/* nh_line_mark - the same to the pair with a key's word, if it is here */
static inline bool
nh_line_mark(struct nh_line *line, uint64_t word, uint64_t age)
{
	for (unsigned i = 0; i < NH_LINE_SLOTS; i++) {
		/* relaxed: only compared; a mark checks it again. */
		uint64_t w = nh_load_relaxed(&line->pair[i].word);

		if ((w ^ word) & NH_WORD_KEY)
			continue;
		nh_word_mark(&line->pair[i].word, w, age);
		return true;
	}
	return false;
}

/* nh_line_slot - where a key lies in a line, or -1.  Locked. */
static inline int
nh_line_slot(const struct nh_line *line, uint64_t word)
{
	unsigned match = nh_line_match(line, word, &nh_word_key);

	return match ? (int)nh_match_slot(match) : -1;
}

/* nh_line_empty_slot - or -1.  Locked. */
static inline int
nh_line_empty_slot(const struct nh_line *line)
{
	unsigned match = nh_line_match(line, 0, &nh_word_taken);

	return match ? (int)nh_match_slot(match) : -1;
}

/* nh_slot_word - Block locked. */
static inline uint64_t
nh_slot_word(const struct nh_line *line, unsigned slot)
{
	/* relaxed: nobody else writes it while it is locked. */
	return nh_load_relaxed(&line->pair[slot].word);
}

/* nh_word_more - the flag that says that a key may lie elsewhere */
static inline uint64_t
nh_word_more(uint64_t word)
{
	return NH_WORD_MORE_EVEN << (word >> 8 & 1);
}

/* nh_line_mark_more - this key may lie elsewhere than here.  Locked. */
static inline void
nh_line_mark_more(struct nh_line *home, uint64_t word)
{
	uint64_t w = nh_slot_word(home, 0);

	/* order(more): release, before the pair moves out of its home */
	nh_store_release(&home->pair[0].word, w | nh_word_more(word));
}

/* The next line of a chain, if this pair is a link. */
static inline struct nh_line *
nh_link_target(struct nh_kv kv)
{
	if (!(kv.word & NH_WORD_LINK))
		return NULL;
	return (struct nh_line *)(uintptr_t)kv.value;
}

#endif
