/*
 * migrate.h - one mechanism for growing and shrinking
 *
 * A segment gets a second table, and its blocks are drained into it group by
 * group, in the order of hashes, by whoever writes to the segment:
 *
 *	old	| p blocks | p blocks | p blocks | ...	one group after another
 *	new	| q blocks | q blocks | q blocks | ...
 *
 * p : q is the ratio of the sizes in lowest terms, so a group's keys are the
 * same on both sides (nh_line_index() keeps order) and a group can be built
 * out of sight of everybody:
 *
 *	lock the p old blocks, the first one first
 *	fill the q new blocks; their even lines get LIVE
 *	take LIVE and LOCK off the old ones, the first one last
 *
 * An old block that is live has the last word on its keys, for readers and for
 * writers; once it is not, the new one has.  What the drained block's lines
 * hold is left there for readers that looked at LIVE just before: it was right
 * then.  Whoever drains the last group publishes the new table alone and gives
 * the old memory back.
 *
 * When the new table has another salt, order is not kept, and a group is one
 * old block that is scattered: lib/scatter.h.
 *
 *	descriptor	gen 2k	 ->  2k+1	 ->  2k+2
 *	table		k % 2	     both	     (k+1) % 2
 */
#ifndef NH_LIB_MIGRATE_H
#define NH_LIB_MIGRATE_H

#include "lib/block.h"
#include "lib/ladder.h"
#include "lib/mirror_sync.h"
#include "lib/scatter.h"

#define NH_GROUP_MAX 128     /* blocks of either table in a group */
#define NH_HELP_BLOCKS 256   /* old and new ones a write drains, about */
#define NH_SCATTER_BLOCKS 32 /* the same, when they are scattered */
#define NH_AHEAD_BLOCKS 20   /* asked for before they are drained, about */
#define NH_CLAIM_NEXT UINT64_C(0xffffffff)

static inline struct nh_descriptor *
nh_descriptor_of(struct nh_core *m, const struct nh_segment *s)
{
	return &m->descriptor[s - m->segment];
}

/* Has the segment moved on since its descriptor said `size`? */
static inline bool
nh_size_changed(const struct nh_descriptor *d, uint64_t size)
{
	/* relaxed: after an acquire that saw what a later table's owner
	 * wrote, the newer descriptor is seen too: order(block-lock). */
	return nh_word_differs(&d->size, size);
}

/* The size of a segment that starts to migrate from this one. */
static inline uint64_t
nh_size_odd(uint64_t size)
{
	return (size & ~NH_SIZE_LINES) + NH_SIZE_MIGRATING;
}

/*
 * Let readers and writers know that both tables count.  busy is ours.
 *
 * Views first: then no reader goes by a copy that writers do not keep.
 */
static inline void
nh_segment_leave(struct nh_core *m, struct nh_segment *s, uint64_t odd)
{
	struct nh_kv kv = { odd, (uintptr_t)nh_moving_block };

	if (NH_MIRRORS)
		nh_views_show(m, (unsigned)(s - m->segment), kv);
	/* order(size): release, after both tables' fields */
	nh_pair_store(&nh_descriptor_of(m, s)->pair, kv);
}

static inline uint64_t
nh_segment_groups(const struct nh_segment *s)
{
	/* order(table): acquire, so the descriptor is looked at after it */
	return nh_load_acquire(&s->groups);
}

/* Is the migration of this odd size one between tables of two salts? */
static inline bool
nh_segment_scatters(struct nh_segment *s, uint64_t size)
{
	return nh_table_salt(nh_segment_table(s, size)) !=
	       nh_table_salt(nh_segment_next(s, size));
}

/* nh_segment_node - where a segment belongs, or NH_NODE_ANY.  Any thread. */
static inline uint64_t
nh_segment_node(const struct nh_core *m, const struct nh_segment *s)
{
	/* relaxed: a wish; what comes of it is in the table. */
	return nh_load_relaxed(&m->node[s - m->segment]);
}

/* Does a table lie on another node than this one? */
static inline bool
nh_table_strays(const struct nh_table *t, uint64_t node)
{
	return node != NH_NODE_ANY && nh_table_blocks(t) &&
	       nh_table_node(t) != node;
}

static inline uint64_t
nh_generation(uint64_t size)
{
	return size >> 32;
}

static inline uint64_t
nh_gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t r = a % b;

		a = b;
		b = r;
	}
	return a;
}

/* --------------------------------------------------------- start and finish */

/* What the descriptor shows of a table that alone has a segment. */
static struct nh_kv
nh_descriptor_even(const struct nh_table *t, uint64_t odd)
{
	struct nh_kv kv = { (nh_generation(odd) + 1) << 32,
			    (uintptr_t)nh_moving_block };

	if (!nh_table_salt(t)) {
		kv.word |= 2 * (nh_table_blocks(t) ?: 1);
		kv.value = (uintptr_t)nh_table_lines(t);
	}
	return kv;
}

/* What a migration was for. */
enum nh_move { NH_MOVE_GROW, NH_MOVE_SHRINK, NH_MOVE_RESEED, NH_MOVE_REHOME };

/* Of the migration of an odd size that is about to end. */
static enum nh_move
nh_segment_move_kind(struct nh_segment *s, uint64_t size)
{
	uint64_t from = nh_table_blocks(nh_segment_table(s, size));
	uint64_t to = nh_table_blocks(nh_segment_next(s, size));

	if (to && nh_segment_scatters(s, size))
		return NH_MOVE_RESEED;
	if (to == from)
		return NH_MOVE_REHOME;
	return to > from ? NH_MOVE_GROW : NH_MOVE_SHRINK;
}

/* A migration less: count it, and let lib/storm.h judge a new table afresh. */
static void
nh_segment_count(struct nh_core *m, struct nh_segment *s, enum nh_move move)
{
	struct nh_stripe *mine = nh_stripe_mine(m->stripe);

	if (move == NH_MOVE_RESEED)
		/* relaxed: a count that orders nothing. */
		nh_add_relaxed(&m->reseeds, 1);
	if (move == NH_MOVE_REHOME)
		/* relaxed: as above. */
		nh_add_relaxed(&m->rehomes, 1);
	if (move == NH_MOVE_RESEED || move == NH_MOVE_REHOME)
		return;
	nh_stripe_add(move == NH_MOVE_GROW ? &mine->grows : &mine->shrinks, 1);
	/* relaxed: how often to do something, about. */
	nh_store_relaxed(&m->weather[s - m->segment], 0);
}

/* Make the new table the only one.  `size` is odd; busy is ours. */
static void
nh_segment_finish(struct nh_core *m, struct nh_segment *s, uint64_t size)
{
	struct nh_descriptor *d = nh_descriptor_of(m, s);
	struct nh_table *old = nh_segment_table(s, size);
	struct nh_table *next = nh_segment_next(s, size);
	enum nh_move move = nh_segment_move_kind(s, size);
	uint64_t freed;

	/* order(size): release, after the table is filled */
	nh_pair_store(&d->pair, nh_descriptor_even(next, size));
	if (NH_MIRRORS)
		nh_views_show(m, (unsigned)(s - m->segment),
			      nh_descriptor_even(next, size));
	freed = NH_MIRRORS ? nh_replicas_drop(m, s, old) : 0;
	freed += nh_table_fini(old, move == NH_MOVE_GROW ? NH_KEEP_MUCH
							 : NH_KEEP_LITTLE);
	/* relaxed: a count that orders nothing. */
	nh_add_relaxed(&m->table_bytes, -freed);
	nh_segment_count(m, s, move);
	/* order(busy): release, after the old table's fields are free */
	nh_store_release(&s->busy, 0);
}

/* All blocks empty and live.  The table is nobody else's yet. */
static void
nh_table_open(struct nh_table *t)
{
	struct nh_line *line = nh_table_lines(t);
	struct nh_line *end = line + 2 * nh_table_blocks(t);

	for (; line < end; line++)
		for (unsigned i = NH_LINE_SLOTS; i-- > 0;) {
			bool lock = !i && nh_line_even(line) == line;
			struct nh_kv kv = { lock ? NH_WORD_LIVE : 0, 0 };

			nh_pair_store(&line->pair[i], kv);
		}
}

/*
 * nh_segment_reseed - begin moving a segment to a table of `blocks`
 *
 * With this salt, which for a segment without a table is 0, and on the node
 * where the segment belongs.  NH_OK also when another thread is at it, or the
 * segment is no longer as `size` says (an even one): look again.  NH_ERR_NOMEM.
 * No block locked by this thread.
 */
static int
nh_segment_reseed(struct nh_core *m, struct nh_segment *s, uint64_t size,
		  uint64_t blocks, uint64_t salt)
{
	struct nh_descriptor *d = nh_descriptor_of(m, s);
	struct nh_table *old = nh_segment_table(s, size);
	struct nh_table *next = nh_segment_next(s, size);
	uint64_t odd = nh_size_odd(size);
	uint64_t idle = 0;
	uint64_t had, groups;

	/* order(busy): acquire, so the last migration's end is seen */
	if (!nh_cas_acquire(&s->busy, &idle, 1)) {
		sched_yield();
		return NH_OK;
	}
	had = nh_table_blocks(old);
	if (nh_size_changed(d, size) ||
	    (had == blocks && salt == nh_table_salt(old) &&
	     !nh_table_strays(old, nh_segment_node(m, s))))
		goto idle;
	/* relaxed: who sets it takes `busy` afterwards: order(busy). */
	if (salt && salt != nh_table_salt(old) && nh_load_relaxed(&m->plain))
		goto idle;
	if (nh_table_init(next, blocks, m->fixed, nh_segment_node(m, s))) {
		/* order(busy): release, nothing was changed */
		nh_store_release(&s->busy, 0);
		return NH_ERR_NOMEM;
	}
	/* relaxed: a count that orders nothing. */
	nh_add_relaxed(&m->table_bytes, nh_table_bytes(next));
	groups = had ? nh_gcd(had, blocks) : 0;
	if (salt != nh_table_salt(old))
		groups = had;
	nh_table_salt_set(next, salt);
	/* order(table): release, after the descriptor's last change */
	nh_store_release(&s->groups, groups);
	/* relaxed: published with the odd size. */
	nh_store_relaxed(&s->drained, 0);
	/* relaxed: as above. */
	nh_store_relaxed(&s->claim, nh_generation(odd) << 32);
	if (!had)
		nh_table_open(next);
	nh_segment_leave(m, s, odd);
	if (!had)
		nh_segment_finish(m, s, odd);
	return NH_OK;
idle:
	/* order(busy): release, nothing was changed */
	nh_store_release(&s->busy, 0);
	return NH_OK;
}

/* nh_segment_start - the same, in the same order */
static int
nh_segment_start(struct nh_core *m, struct nh_segment *s, uint64_t size,
		 uint64_t blocks)
{
	return nh_segment_reseed(m, s, size, blocks,
				 nh_table_salt(nh_segment_table(s, size)));
}

/* Let a retired block go for good. */
static void
nh_block_retire(struct nh_line *even)
{
	nh_atomic *lock = &even->pair[0].word;
	/* relaxed: nobody else writes it while it is locked. */
	uint64_t w = nh_load_relaxed(lock);

	/* order(drained): release, after the new blocks are filled */
	nh_store_release(lock, w & ~(NH_WORD_LIVE | NH_WORD_LOCK));
}

/* The first block is locked already. */
static void
nh_group_lock(struct nh_line *even, unsigned blocks)
{
	bool waited = false;

	for (unsigned i = 1; i < blocks; i++)
		nh_block_lock(even + 2 * i, &waited);
}

static void
nh_group_unlock(struct nh_line *even, unsigned blocks)
{
	for (unsigned i = blocks; i-- > 0;)
		nh_block_unlock(even + 2 * i);
}

static void
nh_group_retire(struct nh_line *even, unsigned blocks)
{
	for (unsigned i = blocks; i-- > 0;)
		nh_block_retire(even + 2 * i);
}

/* No pair in any of the blocks, which are locked? */
static bool
nh_group_is_empty(const struct nh_line *even, unsigned blocks)
{
	for (unsigned i = 0; i < 2 * blocks; i++)
		if (nh_line_pairs(even + i) ||
		    nh_slot_word(even + i, NH_LINK_SLOT) & NH_WORD_LINK)
			return false;
	return true;
}

/*
 * nh_segment_drop - an empty segment with the smallest table: let it have none
 *
 * The same steps as a migration, with all blocks locked from the start, so that
 * it stays empty.  Does nothing when the segment is not so.
 */
static void
nh_segment_drop(struct nh_core *m, struct nh_segment *s)
{
	struct nh_descriptor *d = nh_descriptor_of(m, s);
	/* order(size): acquire, so that the table's fields are seen */
	uint64_t size = nh_load_acquire(&d->size);
	struct nh_table *old = nh_segment_table(s, size);
	struct nh_table *next = nh_segment_next(s, size);
	struct nh_line *even = nh_table_lines(old);
	bool waited = false;
	uint64_t idle = 0;

	/* order(busy): acquire, so the last migration's end is seen */
	if (!nh_cas_acquire(&s->busy, &idle, 1))
		return;
	if (size & NH_SIZE_MIGRATING ||
	    nh_table_blocks(old) != NH_LADDER_FIRST ||
	    nh_size_changed(d, size) || !nh_block_lock(even, &waited))
		goto idle;
	nh_group_lock(even, NH_LADDER_FIRST);
	if (!nh_group_is_empty(even, NH_LADDER_FIRST)) {
		nh_group_unlock(even, NH_LADDER_FIRST);
		goto idle;
	}
	nh_table_none(next);
	/* order(table): release, there is nothing to drain */
	nh_store_release(&s->groups, 0);
	nh_segment_leave(m, s, nh_size_odd(size));
	nh_group_retire(even, NH_LADDER_FIRST);
	nh_segment_finish(m, s, nh_size_odd(size));
	return;
idle:
	/* order(busy): release, nothing was changed */
	nh_store_release(&s->busy, 0);
}

/* -------------------------------------------------------------------- drain */

/* A group being built: which slots of its new lines are taken. */
struct nh_build {
	struct nh_core *m;
	struct nh_table *table;
	struct nh_line *lines; /* of the group's first new block */
	uint64_t first;	       /* its index in the table */
	uint64_t table_lines;  /* of the whole table */
	unsigned blocks;
	unsigned char used[2 * NH_GROUP_MAX]; /* slots, by line */
	uint64_t more[2 * NH_GROUP_MAX];      /* flags */
	struct nh_line nowhere; /* where empty slots are copied to */
};

/*
 * Ask for both sides of a group that comes later: two streams that are written,
 * too short for the processor's own prefetchers to catch up with.
 */
static inline void
nh_group_prefetch(const struct nh_table *old, const struct nh_table *next,
		  uint64_t groups, uint64_t group)
{
	uint64_t p = nh_table_blocks(old) / groups;
	uint64_t q = nh_table_blocks(next) / groups;
	const struct nh_line *line = nh_table_even(old, p * group);

	for (uint64_t i = 0; i < 2 * p; i++)
		nh_prefetch_write(line + i);
	line = nh_table_even(next, q * group);
	for (uint64_t i = 0; i < 2 * q; i++)
		nh_prefetch_write(line + i);
}

/* A pair whose block is full; nh_build_close() keeps what is marked here. */
static bool
nh_build_chain(struct nh_build *b, unsigned line, struct nh_kv kv)
{
	struct nh_line *even = &b->lines[line & ~1u];
	struct nh_line *fresh = NULL;

	if (nh_chain_needs_line(even)) {
		fresh = nh_overflow_must(b->m, b->table);
		if (!fresh)
			return false;
	}
	nh_chain_add(b->table, even, kv, fresh);
	return true;
}

/* A pair whose home line is full. */
static __attribute__((noinline)) bool
nh_build_spill(struct nh_build *b, unsigned home, struct nh_kv kv)
{
	unsigned other = home ^ 1;

	b->more[home] |= nh_word_more(kv.word);
	if (b->used[other] == NH_LINE_SLOTS)
		return nh_build_chain(b, home, kv);
	nh_pair_store(&b->lines[other].pair[b->used[other]++], kv);
	return true;
}

/*
 * Which slots are taken is as good as random, so no branch asks: an empty slot
 * is copied too, to nowhere, and not counted.
 */
static inline bool
nh_build_add(struct nh_build *b, struct nh_kv kv)
{
	bool valid = kv.word & NH_WORD_VALID;
	uint64_t home = nh_line_index(kv.word, b->table_lines) - b->first;
	unsigned line = valid ? (unsigned)home : 0;
	unsigned used = b->used[line];
	struct nh_pair *to = &b->lines[line].pair[used];

	kv.word &= NH_WORD_PAIR;
	if (nh_unlikely(used == NH_LINE_SLOTS))
		return !valid || nh_build_spill(b, line, kv);
	nh_pair_store(valid ? to : b->nowhere.pair, kv);
	b->used[line] = (unsigned char)(used + valid);
	return true;
}

static inline bool
nh_build_add_line(struct nh_build *b, const struct nh_line *line)
{
	for (unsigned i = 0; i < NH_LINE_SLOTS; i++)
		if (nh_unlikely(!nh_build_add(b, nh_pair_load(&line->pair[i]))))
			return false;
	return true;
}

static bool
nh_build_add_block(struct nh_build *b, struct nh_line *even)
{
	struct nh_line *line = even + 1;

	if (!nh_build_add_line(b, even) || !nh_build_add_line(b, line))
		return false;
	while (nh_unlikely((line = nh_link_target(
				    nh_pair_load(&line->pair[NH_LINK_SLOT])))))
		if (!nh_build_add_line(b, line))
			return false;
	return true;
}

/* Empty lines to begin with; nobody can lock them before they are live. */
static void
nh_build_open(struct nh_build *b)
{
	for (unsigned i = 0; i < 2 * b->blocks; i++) {
		b->used[i] = 0;
		b->more[i] = 0;
		for (unsigned slot = 0; slot < NH_LINE_SLOTS; slot++)
			nh_pair_store(&b->lines[i].pair[slot],
				      (struct nh_kv){ 0, 0 });
	}
}

/* Set the flags of each line's slot 0. */
static void
nh_build_close(struct nh_build *b)
{
	for (unsigned i = 0; i < 2 * b->blocks; i++) {
		struct nh_line *line = &b->lines[i];
		uint64_t flags = b->more[i] | (i % 2 ? 0 : NH_WORD_LIVE);

		/* order(drained): release, though the old blocks' is what
		 * readers of the new ones wait for */
		nh_store_release(&line->pair[0].word,
				 nh_slot_word(line, 0) | flags);
	}
}

/* Memory ran out half way: the new blocks were never live, forget them. */
static void
nh_build_undo(struct nh_build *b)
{
	for (unsigned i = 1; i < 2 * b->blocks; i += 2) {
		struct nh_line *line = &b->lines[i];

		if (b->used[i] < NH_LINE_SLOTS)
			continue;
		line = nh_link_target(nh_pair_load(&line->pair[NH_LINK_SLOT]));
		while (line) {
			struct nh_line *next = nh_link_target(
				nh_pair_load(&line->pair[NH_LINK_SLOT]));

			nh_overflow_free(b->table, line);
			line = next;
		}
	}
}

/* Build the new blocks of a group, p old ones.  False: no memory, undone. */
static bool
nh_group_build(struct nh_core *m, struct nh_table *next, struct nh_line *even,
	       unsigned p, uint64_t group, uint64_t groups)
{
	struct nh_build b;

	b.m = m;
	b.table = next;
	b.blocks = (unsigned)(nh_table_blocks(next) / groups);
	b.first = 2 * b.blocks * group;
	b.lines = nh_table_lines(next) + b.first;
	b.table_lines = 2 * nh_table_blocks(next);
	nh_build_open(&b);
	for (unsigned i = 0; i < p; i++)
		if (!nh_build_add_block(&b, even + 2 * i)) {
			nh_build_undo(&b);
			return false;
		}
	nh_build_close(&b);
	return true;
}

/*
 * nh_group_drain - move one group; NH_OK too when it was moved already
 *
 * `size` is the odd one that was seen.  NH_ERR_NOMEM: nothing changed.  No
 * block locked by this thread.
 */
static int
nh_group_drain(struct nh_core *m, struct nh_segment *s, uint64_t size,
	       uint64_t group)
{
	const struct nh_descriptor *d = nh_descriptor_of(m, s);
	struct nh_table *old = nh_segment_table(s, size);
	struct nh_table *next = nh_segment_next(s, size);
	struct nh_stripe *mine = nh_stripe_mine(m->stripe);
	uint64_t groups = nh_segment_groups(s);
	uint64_t had = nh_table_blocks(old);
	struct nh_line *even = nh_table_lines(old);
	bool waited = false;
	unsigned p;
	bool done;

	if (nh_size_changed(d, size) || !groups)
		return NH_OK;
	p = (unsigned)(had / groups);
	even += 2 * p * group;
	if (!nh_block_lock(even, &waited))
		return NH_OK;
	if (nh_size_changed(d, size)) {
		nh_block_unlock(even);
		return NH_OK;
	}
	nh_group_lock(even, p);
	done = nh_segment_scatters(s, size)
		       ? nh_scatter_block(m, old, next, group)
		       : nh_group_build(m, next, even, p, group, groups);
	if (!done) {
		nh_group_unlock(even, p);
		return NH_ERR_NOMEM;
	}
	nh_group_retire(even, p);
	nh_stripe_add(&mine->moved, p);
	if (waited)
		nh_stripe_add(&mine->waits, 1);
	/* order(last-group): both: the last one sees all groups drained */
	if (nh_add_acqrel(&s->drained, 1) + 1 == groups)
		nh_segment_finish(m, s, size);
	return NH_OK;
}

/* --------------------------------------------------------------------- help */

/* Claim `want` groups that nobody drains yet: the first of them. */
static uint64_t
nh_segment_claim(struct nh_segment *s, uint64_t size, uint64_t want,
		 uint64_t groups)
{
	/* relaxed: hands out each group once; orders nothing. */
	uint64_t claim = nh_load_relaxed(&s->claim);

	do {
		if (claim >> 32 != nh_generation(size) ||
		    (claim & NH_CLAIM_NEXT) >= groups)
			return groups;
		/* relaxed: as above. */
	} while (!nh_cas_relaxed(&s->claim, &claim, claim + want));
	return claim & NH_CLAIM_NEXT;
}

/*
 * nh_segment_help - drain the next few groups: false when none is unclaimed
 *
 * `size` is the odd one that was seen.  A group that cannot be drained for
 * want of memory is left to those who write to it.
 */
static bool
nh_segment_help(struct nh_core *m, struct nh_segment *s, uint64_t size)
{
	uint64_t groups = nh_segment_groups(s);
	const struct nh_table *old = nh_segment_table(s, size);
	const struct nh_table *next = nh_segment_next(s, size);
	uint64_t both = nh_table_blocks(old) + nh_table_blocks(next);
	uint64_t most = nh_segment_scatters(s, size) ? NH_SCATTER_BLOCKS
						     : NH_HELP_BLOCKS;
	uint64_t want, ahead, group, end;

	if (nh_size_changed(nh_descriptor_of(m, s), size) || !groups)
		return false;
	want = 1 + most * groups / both;
	ahead = 1 + NH_AHEAD_BLOCKS * groups / both;
	group = nh_segment_claim(s, size, want, groups);
	if (group >= groups)
		return false;
	end = group + want < groups ? group + want : groups;
	for (uint64_t i = group; i < end + ahead; i++) {
		if (i < end)
			nh_group_prefetch(old, next, groups, i);
		if (i >= group + ahead)
			nh_group_drain(m, s, size, i - ahead);
	}
	return true;
}

/* The group of a word as the old table has it. */
static inline uint64_t
nh_segment_group(const struct nh_segment *s, uint64_t word)
{
	return nh_line_index(word, nh_segment_groups(s));
}

/*
 * nh_segment_settle - finish a migration: NH_OK when none is under way
 *
 * Drains every group that is left, whoever claimed it.  NH_ERR_NOMEM.
 */
static int
nh_segment_settle(struct nh_core *m, struct nh_segment *s)
{
	const struct nh_descriptor *d = nh_descriptor_of(m, s);

	for (;;) {
		/* order(size): acquire, so that the tables' fields are seen */
		uint64_t size = nh_load_acquire(&d->size);
		uint64_t groups;
		int err = NH_OK;

		if (!(size & NH_SIZE_MIGRATING))
			return NH_OK;
		groups = nh_segment_groups(s);
		while (nh_segment_help(m, s, size))
			;
		for (uint64_t g = 0; !err && g < groups; g++)
			err = nh_group_drain(m, s, size, g);
		if (err)
			return err;
	}
}

#endif
