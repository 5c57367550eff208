/*
 * numahash.h - a concurrent hash table for latency-sensitive services
 *
 * struct nh_u64 maps uint64_t keys to uint64_t values.  Every 64-bit key and
 * every 64-bit value is legal; none is reserved.
 *
 *	struct nh_u64 *m = nh_u64_create(NULL, NULL);
 *	nh_u64_put(m, 7, 42);
 *	uint64_t v;
 *	if (nh_u64_get(m, 7, &v) == NH_OK)
 *		printf("%" PRIu64 "\n", v);
 *	nh_u64_destroy(m);
 *
 * Threads.  Any thread may call anything at any time, without registering,
 * except that nh_u64_destroy() wants the map to itself.  Each operation on one
 * key is linearizable.  A read takes no lock and stores nothing shared (but
 * now and then a mark, in a map with idle reclaim: nh_u64_reclaim()); a write
 * takes a lock in one cache line, which covers it and its neighbour; no
 * operation pays for a whole resize unless it says so.
 * No function may be called from a signal handler that could have interrupted
 * another function of this library.
 *
 * After fork(2) the child must not use its parent's maps if another thread was
 * writing to them, or if NUMAHASH_HUGEPAGES gave them pages from the pool, as
 * those are not there.  It may make maps of its own in any case.
 *
 * Errors.  A function that returns int returns NH_OK (0) or a negative
 * NH_ERR_*; it then has changed nothing, and has not written its results.  A
 * NULL where something is needed is NH_ERR_ARG, also for a NULL map.
 * The library never aborts or exits.  It writes to standard error in three
 *cases only, and in none with NUMAHASH_QUIET=1: a NUMAHASH_ variable it does
 *not know or cannot parse (see nh_config_init()); pins that are held for too
 *long, when that was asked for (see nh_pins_report()); and what the system
 *refuses, with NUMAHASH_VERBOSE=1.
 *
 * Cost.  "One line" below is one cache line of 64 bytes in the common case.
 */
#ifndef NUMAHASH_H
#define NUMAHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NH_VERSION_MAJOR 0
#define NH_VERSION_MINOR 1
#define NH_VERSION_PATCH 0

#if defined(__GNUC__)
#define NH_API __attribute__((visibility("default")))
#else
#define NH_API
#endif

/* What can go wrong: name, number, text.  nh_strerror() follows this table. */
#define NH_ERRORS(X)                                                  \
	X(NH_ERR_ARG, -1, "invalid argument")                         \
	X(NH_ERR_NOMEM, -2, "out of memory")                          \
	X(NH_ERR_NOTFOUND, -3, "no such key")                         \
	X(NH_ERR_EXISTS, -4, "key exists")                            \
	X(NH_ERR_MISMATCH, -5, "value differs from the expected one") \
	X(NH_ERR_FULL, -6, "fixed capacity is used up")               \
	X(NH_ERR_REENTRY, -7, "write from inside an update callback") \
	X(NH_ERR_STOPPED, -8, "stopped by the callback")              \
	X(NH_ERR_SYSTEM, -9, "the operating system refused")          \
	X(NH_ERR_SHORT, -10, "the buffer is too short")               \
	X(NH_ERR_BUSY, -11, "another call is at it")

enum nh_error {
	NH_OK = 0,
#define NH_ERROR_ENUM(name, number, text) name = number,
	NH_ERRORS(NH_ERROR_ENUM)
#undef NH_ERROR_ENUM
};

/* nh_strerror - what an error number means; never NULL.  Any thread. */
NH_API const char *nh_strerror(int err);

/* nh_version - "major.minor.patch" of the library linked.  Any thread. */
NH_API const char *nh_version(void);

/* ------------------------------------------------------------------ config */

enum nh_arch {
	NH_ARCH_AUTO = 0, /* the best this machine has */
	NH_ARCH_NATIVE,	  /* the module of this processor, or an error */
	NH_ARCH_GENERIC,  /* portable C, and the oracle of the others */
};

/* How nh_map hashes its keys. */
enum nh_hash_kind {
	NH_HASH_KEYED = 0, /* SipHash-1-3: who does not know the secret cannot
			      choose keys that collide */
	NH_HASH_TRUSTED,   /* XXH3: quicker, for keys that no enemy chooses */
};

/* What a map keeps record of to find mistakes in programs; may be or'ed. */
enum nh_debug {
	NH_DEBUG_OFF = 0,
	NH_DEBUG_PINS = 1, /* who made which pin: see nh_pins_report() */
};

/* What tables are made of: from the best named down to what there is. */
enum nh_hugepages {
	NH_HUGEPAGES_AUTO = 0, /* as 2M; 1 GiB for very large tables */
	NH_HUGEPAGES_1G,       /* from the pool, 2 MiB from it, and as THP */
	NH_HUGEPAGES_2M,       /* from the pool, and as THP */
	NH_HUGEPAGES_THP,      /* transparent, then 4 KiB */
	NH_HUGEPAGES_OFF,      /* 4 KiB only */
	NH_HUGEPAGES_HUGETLB,  /* as 2M: its name before there was 1G */
};

/*
 * Which memory node a map's 256 segments lie on.  A node is named by the number
 * that the kernel has for it, and numactl(8).  Where a node has no memory left
 * its neighbours are taken: nh_u64_placement() tells.
 */
enum nh_placement_policy {
	NH_PLACEMENT_AUTO = 0,	 /* interleave, with one node local */
	NH_PLACEMENT_LOCAL,	 /* where the thread runs that makes a table */
	NH_PLACEMENT_BIND,	 /* dealt over config.nodes */
	NH_PLACEMENT_INTERLEAVE, /* dealt over all nodes */
	NH_PLACEMENT_ADAPTIVE,	 /* dealt, then each moves to the node that
				    uses it most; by a thread of the map's */
	NH_PLACEMENT_REPLICATE,	 /* dealt, and copied to all other nodes: reads
				    stay on their node, and writes write all
				    copies.  Of nh_u64 only; elsewhere it is
				    interleave.  By a thread of the map's */
};

#define NH_NODES_MAX 64

/* A chain that was found too long: see struct nh_config. */
struct nh_storm {
	unsigned segment; /* of 256 */
	uint64_t lines;	  /* of the chain */
	bool reseeding;	  /* the segment's keys are spread anew */
};

/*
 * Called on a collision storm, by the thread whose insert met it, after the
 * insert and with no lock held: every operation is legal.  It should not add
 * keys that collide, lest it be called from itself.
 */
typedef void (*nh_storm_fn)(void *arg, const struct nh_storm *storm);

/*
 * A rule that says, of each key, which of the 256 segments of an nh_map it
 * belongs to; the result counts modulo 256.  See nh_map_reshard().
 *
 * It is asked in every operation, by several threads at once, and must always
 * answer the same for the same arguments: so what `arg` leads to must not
 * change.  Both must stay usable until the map is destroyed, also when another
 * rule has followed, since a thread that was overtaken may still ask this one.
 * It must not call functions of the map, and it must return.
 */
typedef unsigned (*nh_segment_fn)(void *arg, const void *key, size_t key_len);

/*
 * struct nh_config - how a map is made.  Fill it with nh_config_init(), then
 * change what you want.  `size` lets the struct grow without breaking callers.
 *
 * capacity	 entries to make room for at once; 0 grows from nothing.
 *		 At most NH_CAPACITY_MAX.
 * fixed	 never grow past `capacity` (which must not be 0) and never
 *		 shrink: an insert that has no room says NH_ERR_FULL.
 * seed		 of the hash.  0 draws one from getrandom(2); any other value
 *		 is for tests and for reproducing a run: who knows the seed can
 *		 choose keys that collide.
 * arch		 enum nh_arch
 * hash		 enum nh_hash_kind, of nh_map only
 * chain_limit	 overflow lines to one place of the table that chance does not
 *		 make: somebody chose keys that collide.  A longer chain is a
 *		 storm: it is counted, on_storm is called, and the segment's
 *		 keys are spread anew by a secret of its own, by a migration
 *		 (but in a fixed map; and no secret tells equal hashes of
 *		 nh_map apart).  What does not end is told at growing
 *		 intervals.  0: no limit; at most NH_CHAIN_LIMIT_MAX.
 * on_storm	 or NULL, and storm_arg, which it is given
 * segment	 the rule that says where keys go; NULL: by hash.  Of nh_map
 *		 only, and not together with `fixed`: both NH_ERR_ARG.
 *		 `capacity` is dealt evenly to all segments.
 * segment_arg	 its first argument
 * maintenance	 run a thread that prefaults memory ahead of growth and finishes
 *		 migrations that no write pushes on.
 * debug	 enum nh_debug
 * pin_age_ms	 of nh_map with NH_DEBUG_PINS: a pin held for so long is
 *		 reported on standard error, once; 0: none is
 * idle		 forget entries that nobody uses: nh_u64_reclaim() tells more.
 *		 The next three count only with it.
 * idle_timeout_ms	after so long without a use; not 0.  An entry goes one
 *			to one and a half timeouts after its last use, and up
 *			to a check interval later.
 * check_interval_ms	how often the thread looks whose time has come, or
 *			each half timeout if that is shorter; 0: no thread, the
 *			program calls nh_u64_reclaim() itself.
 * min_idle_count	entries that each of the map's 256 segments keeps, used
 *			or not
 * placement	 enum nh_placement_policy.  With one memory node all are
 *		 NH_PLACEMENT_LOCAL.  Not NH_PLACEMENT_REPLICATE together with
 *		 idle: NH_ERR_ARG.
 * nodes	 of NH_PLACEMENT_BIND: bit n for node n.  NH_ERR_ARG when it has
 *		 none, or one on which this process may have no memory.
 */
struct nh_config {
	size_t size;
	uint64_t capacity;
	uint64_t seed;
	int arch;
	int hash;
	bool fixed;
	bool maintenance;
	uint64_t chain_limit;
	nh_storm_fn on_storm;
	void *storm_arg;
	nh_segment_fn segment;
	void *segment_arg;
	int debug;
	uint64_t pin_age_ms;
	bool idle;
	uint32_t idle_timeout_ms;
	uint32_t check_interval_ms;
	uint32_t min_idle_count;
	int placement;
	uint64_t nodes;
};

#define NH_CHAIN_LIMIT_MAX (UINT64_C(1) << 20)

#define NH_CAPACITY_MAX (UINT64_C(1) << 36)

/*
 * nh_config_init - the defaults, then what the environment says
 *
 * Read through secure_getenv(3), so a setuid program sees none of it:
 *
 *	NUMAHASH_ARCH=auto|native|generic
 *	NUMAHASH_CPU_DISABLE=none|avx512|avx	 (instructions not to use)
 *	NUMAHASH_HUGEPAGES=auto|1G|2M|thp|off		 (for the whole process)
 *	NUMAHASH_HASH=siphash|xxh3
 *	NUMAHASH_CHAIN_LIMIT=LINES	(8; 0: none)
 *	NUMAHASH_CAPACITY=N
 *	NUMAHASH_FIXED=0|1
 *	NUMAHASH_SEED=N
 *	NUMAHASH_MAINTENANCE=0|1
 *	NUMAHASH_PREFAULT=BYTES	(faulted ahead, if there is maintenance)
 *	NUMAHASH_RETAIN=BYTES	(of free memory, when a map is destroyed;
 *				for tables, and once more for entries)
 *	NUMAHASH_DEBUG=off|pins
 *	NUMAHASH_PIN_AGE_MS=N
 *	NUMAHASH_IDLE=0|1
 *	NUMAHASH_IDLE_TIMEOUT_MS=N
 *	NUMAHASH_CHECK_INTERVAL_MS=N
 *	NUMAHASH_MIN_IDLE_COUNT=N
 *	NUMAHASH_PLACEMENT=auto|local|bind:NODES|interleave|adaptive|replicate
 *				(NODES as in 0,2-3)
 *	NUMAHASH_FAKE_NODES=N	(1 to 64: pretend, for tests)
 *	NUMAHASH_VERBOSE=0|1	(say on standard error, once for each, what
 *				the system refuses)
 *	NUMAHASH_QUIET=0|1	(nothing on standard error)
 *
 * A value that does not parse is ignored.  For each one ignored, and for each
 * name that starts with NUMAHASH_ and is not in this list, one line is written
 * to standard error, once in a process; nh_config_warnings() has the same
 * lines.  Any thread.
 */
NH_API void nh_config_init(struct nh_config *config);

/*
 * nh_config_warnings - what was wrong with the environment, one line each
 *
 * Writes at most `size` bytes with the final NUL into `text` (NULL with size 0
 * just asks).  Returns the number of warnings.  Any thread.
 */
NH_API int nh_config_warnings(char *text, size_t size);

/* ------------------------------------------------------------- u64 -> u64 */

struct nh_u64;

/*
 * nh_u64_create - a new map; NULL config means nh_config_init()'s
 *
 * On failure NULL, and why in *err unless err is NULL: NH_ERR_ARG,
 * NH_ERR_NOMEM, NH_ERR_SYSTEM (no thread for maintenance, no entropy).
 */
NH_API struct nh_u64 *nh_u64_create(const struct nh_config *config, int *err);

/*
 * nh_u64_destroy - free it all; NULL is fine.  No other call may be running.
 *
 * The process keeps up to NUMAHASH_RETAIN bytes (64 MiB) of what were the map's
 * tables for the next one; nh_memory_stats() shows them as `retained`.
 */
NH_API void nh_u64_destroy(struct nh_u64 *m);

/*
 * nh_u64_get - NH_OK with *value, or NH_ERR_NOTFOUND.  Any thread.
 *
 * Never waits for a writer (nh_describe() says where it may: on processors that
 * cannot load 16 bytes at once) and stores nothing shared.  One line.
 */
NH_API int nh_u64_get(const struct nh_u64 *m, uint64_t key, uint64_t *value);

/*
 * nh_u64_put - set key to value, whether it was there or not.  Any thread.
 *
 * NH_ERR_NOMEM, NH_ERR_FULL only when the key is new.  NH_ERR_REENTRY.
 */
NH_API int nh_u64_put(struct nh_u64 *m, uint64_t key, uint64_t value);

/* nh_u64_insert - as put, but NH_ERR_EXISTS when the key is there. */
NH_API int nh_u64_insert(struct nh_u64 *m, uint64_t key, uint64_t value);

/*
 * nh_u64_load_or_store - the value there, or else store this one
 *
 * *actual is what the key now has; *loaded tells whether it had one before.
 * Either may be NULL.  Errors as nh_u64_put().
 */
NH_API int nh_u64_load_or_store(struct nh_u64 *m, uint64_t key, uint64_t value,
				uint64_t *actual, bool *loaded);

/*
 * nh_u64_swap - put, and hand back what was there
 *
 * *loaded tells whether there was a value; *old is written only then.  Either
 * may be NULL.  Errors as nh_u64_put().
 */
NH_API int nh_u64_swap(struct nh_u64 *m, uint64_t key, uint64_t value,
		       uint64_t *old, bool *loaded);

/*
 * nh_u64_compare_and_swap - set to desired if the value is expected
 *
 * NH_ERR_NOTFOUND, NH_ERR_MISMATCH, NH_ERR_REENTRY.
 */
NH_API int nh_u64_compare_and_swap(struct nh_u64 *m, uint64_t key,
				   uint64_t expected, uint64_t desired);

/*
 * nh_u64_fetch_add - add delta (modulo 2^64); an absent key counts as 0
 *
 * *old, unless NULL, is the value before.  Errors as nh_u64_put().
 */
NH_API int nh_u64_fetch_add(struct nh_u64 *m, uint64_t key, uint64_t delta,
			    uint64_t *old);

/* What an update callback wants done. */
enum nh_update {
	NH_UPDATE_KEEP = 0, /* leave it as it was */
	NH_UPDATE_STORE,    /* set the key to *value */
	NH_UPDATE_REMOVE,   /* delete it, if it was there */
};

/*
 * The callback of nh_u64_update().  *value is the value there, or 0 when
 * present is false; what it holds on return counts for NH_UPDATE_STORE.
 *
 * It runs with the key's block locked, two lines: it should be short, since
 * writers of the few keys in it wait (readers do not).  It may read any map,
 * this one and this key too (the old value is seen).  A write to any map fails
 * with NH_ERR_REENTRY.  It must return: no longjmp, no exception.
 */
typedef int (*nh_u64_update_fn)(void *arg, uint64_t key, bool present,
				uint64_t *value);

/*
 * nh_u64_update - read, decide and write as one step.  Called exactly once.
 *
 * NH_ERR_ARG also when the callback returns none of enum nh_update (nothing is
 * changed).  Otherwise errors as nh_u64_put(); room for a new key is made
 * before the callback runs, so once it runs nothing fails.
 */
NH_API int nh_u64_update(struct nh_u64 *m, uint64_t key, nh_u64_update_fn fn,
			 void *arg);

/* nh_u64_delete - NH_OK, or NH_ERR_NOTFOUND.  NH_ERR_REENTRY. */
NH_API int nh_u64_delete(struct nh_u64 *m, uint64_t key);

/* nh_u64_load_and_delete - as delete, with the value in *old (may be NULL). */
NH_API int nh_u64_load_and_delete(struct nh_u64 *m, uint64_t key,
				  uint64_t *old);

/* nh_u64_compare_and_delete - delete if the value is expected; as CAS. */
NH_API int nh_u64_compare_and_delete(struct nh_u64 *m, uint64_t key,
				     uint64_t expected);

/*
 * nh_u64_get_batch - n independent gets with their cache misses overlapped
 *
 * found[i] is 1 or 0; values[i] is written only where it is 1.  *hits, unless
 * NULL, counts the ones.  Any n, 0 too; not one atomic step.  `values` may be
 * the same array as `keys`.  NH_ERR_ARG changes nothing.
 */
NH_API int nh_u64_get_batch(const struct nh_u64 *m, const uint64_t *keys,
			    size_t n, uint64_t *values, uint8_t *found,
			    size_t *hits);

/*
 * nh_u64_put_batch - n puts in order with their cache misses overlapped
 *
 * Stops at the first that fails and returns its error; *done, unless NULL, is
 * how many were put (it is written in every case but NH_ERR_ARG).
 */
NH_API int nh_u64_put_batch(struct nh_u64 *m, const uint64_t *keys,
			    const uint64_t *values, size_t n, size_t *done);

/* Where a scan stands.  Zero it to begin; copy it, keep it, resume from it. */
struct nh_cursor {
	uint64_t position; /* in the map's own order of hashes */
	uint64_t within;   /* among the keys of nh_map that share a hash */
	bool done;	   /* all has been seen */
	bool sharded;	   /* in the order of an nh_map that has had a rule */
	uint64_t shown[2]; /* and where it stood before it had one */
};

/* Return 0 to go on, anything else to stop after this pair. */
typedef int (*nh_u64_scan_fn)(void *arg, uint64_t key, uint64_t value);

/*
 * nh_u64_scan - show each pair from *cursor on to fn.  Any thread.
 *
 * A key that is present from before the first call until after the last one is
 * shown exactly once, even while the map grows or shrinks; one that comes or
 * goes meanwhile, at most once for each time it was put.  No lock is held in
 * the callback and every operation is legal in it.  NH_OK at the end, with
 * cursor->done; NH_ERR_STOPPED when fn stopped it, with *cursor after that
 * pair.
 */
NH_API int nh_u64_scan(const struct nh_u64 *m, struct nh_cursor *cursor,
		       nh_u64_scan_fn fn, void *arg);

/*
 * nh_u64_len - entries.  Any thread.
 *
 * Exact while nobody writes; while writes run, off by at most those running.
 * NULL counts as empty.  Cost: one line for each of 64 counters.
 */
NH_API uint64_t nh_u64_len(const struct nh_u64 *m);

/*
 * nh_u64_clear - remove all that was there when it began.  Any thread.
 *
 * Not one atomic step: each key is removed at some moment of the call, and a
 * key put meanwhile may stay or go.  Memory goes back, but for a fixed map's,
 * which keeps its room.  O(lines), paid by the caller; others go on.
 * NH_ERR_NOMEM, NH_ERR_REENTRY: some may be removed.
 */
NH_API int nh_u64_clear(struct nh_u64 *m);

/*
 * nh_u64_reserve - make room for n entries in all, paid by the caller
 *
 * Never shrinks; deletes then do not shrink the map below n by themselves,
 * until nh_u64_shrink() drops the reservation.  NH_ERR_ARG (above
 * NH_CAPACITY_MAX), NH_ERR_NOMEM, NH_ERR_FULL (the map has a fixed capacity
 * below n), NH_ERR_REENTRY.
 */
NH_API int nh_u64_reserve(struct nh_u64 *m, uint64_t n);

/*
 * nh_u64_shrink - fit the tables to what is there and finish all migrations
 *
 * Deletes shrink a map by themselves; this asks for the tightest fit now.
 * Segments that were spread anew in a storm, and are a little slower since, go
 * back to the order of the others when their keys allow it.  A fixed map stays
 * as it is.  Paid by the caller.  NH_ERR_NOMEM, NH_ERR_REENTRY.
 */
NH_API int nh_u64_shrink(struct nh_u64 *m);

/* What an idle entry had.  Returns nothing: it is gone already. */
typedef void (*nh_u64_evict_fn)(void *arg, uint64_t key, uint64_t value);

/*
 * nh_u64_on_evict - call fn for each entry that goes idle from now on
 *
 * After it was removed, once, on the thread that sweeps, with no lock of the
 * table held; every operation on any map is legal in it, but destroying this
 * one.  NULL: call nobody any more.  Waits for a call of the old one that is
 * running, unless made from within it.  NH_ERR_ARG also when the map has no
 * idle reclaim.  Any thread.
 */
NH_API int nh_u64_on_evict(struct nh_u64 *m, nh_u64_evict_fn fn, void *arg);

/*
 * nh_u64_reclaim - remove now what has been idle for long enough
 *
 * An entry is used when an operation that names its key finds it; a scan is no
 * use.  In a map with idle reclaim a get may therefore store a mark in the line
 * it found the key in: at most once for an entry in each half of the timeout.
 * A use that comes at the very moment of a write to the same line, or of the
 * sweep, may not count.
 *
 * *gone, unless NULL, is how many went.  NH_OK with 0 also while another thread
 * sweeps.  Of each segment min_idle_count entries are left; deletes by others
 * during the sweep may bring it lower.  O(lines) twice in a timeout, otherwise
 * at once.  The map shrinks as after deletes, paid by the caller.  NH_ERR_ARG
 * also when the map has no idle reclaim; NH_ERR_REENTRY.
 */
NH_API int nh_u64_reclaim(struct nh_u64 *m, uint64_t *gone);

/* Counters are since creation; sizes in bytes. */
struct nh_stats {
	size_t size; /* set by the caller to sizeof(struct nh_stats) */
	uint64_t entries;
	uint64_t slots;		 /* room in the lines of all tables */
	uint64_t lines;		 /* 64-byte lines of all tables, overflow too */
	uint64_t overflow_lines; /* overflow lines in use */
	uint64_t table_bytes;	 /* all tables of this map, dying ones too */
	uint64_t fixed_bytes;	 /* what an empty map costs */
	uint64_t grows, shrinks; /* segment migrations finished */
	uint64_t migrating;	 /* segments in migration now */
	uint64_t blocks_moved;	 /* 128-byte blocks drained */
	uint64_t lock_waits;	 /* a writer found its block locked */
	uint64_t storms;	 /* chains too long, as on_storm is told */
	uint64_t reseeds;	 /* segments whose keys were spread anew */
	uint64_t salted;	 /* segments now with a secret of their own */
	uint64_t entry_bytes;	 /* nh_map: keys and values, with headers */
	uint64_t slab_bytes;	 /* nh_map: the memory these lie in */
	uint64_t pins;		 /* nh_map: not unpinned yet */
	uint64_t orphans;	/* values that only pins keep, of entry_bytes */
	uint64_t oldest_pin_ms; /* its age; 0 without NH_DEBUG_PINS */
	uint64_t evicted;	/* entries that went because they were idle */
	uint64_t swept;		/* segments gone over for such, in all */
	uint64_t rehomed;	/* moves of a segment to another node */
	uint64_t mirrored;	/* segments that every node has a copy of now */
};

/* nh_u64_stats - NH_ERR_ARG when out->size is too small.  Any thread. */
NH_API int nh_u64_stats(const struct nh_u64 *m, struct nh_stats *out);

/* ------------------------------------------------------------ memory nodes */

#define NH_ALL_SEGMENTS (-1)

/*
 * nh_u64_rehome - take a segment (0 to 255, or NH_ALL_SEGMENTS) to a node
 *
 * Returns when its table is there, and later tables will be, too (but with
 * NH_PLACEMENT_ADAPTIVE, which may move it on).  Others go on meanwhile, as
 * while a table grows.  NH_ERR_ARG also for a node that this process may not
 * use; NH_ERR_NOMEM: there is no room on that node, and what did not move
 * stays where it was; NH_ERR_REENTRY.  O(entries), paid by the caller.
 */
NH_API int nh_u64_rehome(struct nh_u64 *m, int segment, int node);

/* nh_u64_segment - which segment a key belongs to; NH_ERR_ARG.  Any thread. */
NH_API int nh_u64_segment(const struct nh_u64 *m, uint64_t key);

/*
 * nh_u64_home_node - the node of a key's segment, for sending work to its data
 *
 * A hint: the segment may be moving.  Without a table yet: where it will be;
 * with NH_PLACEMENT_LOCAL the caller's own.  NH_ERR_ARG.  Any thread; no system
 * call.
 */
NH_API int nh_u64_home_node(const struct nh_u64 *m, uint64_t key);

/*
 * nh_u64_settle - finish what is under way, now
 *
 * Migrations that wait for the next write, and with NH_PLACEMENT_REPLICATE the
 * copies on other nodes.  For after a map was filled and before it is timed, or
 * without a thread of its own.  NH_ERR_NOMEM, NH_ERR_REENTRY.
 */
NH_API int nh_u64_settle(struct nh_u64 *m);

/* What a map has on one node, in bytes, by what the kernel says. */
struct nh_node_use {
	int node;	   /* the kernel's number */
	uint64_t segments; /* that belong here */
	uint64_t wanted;   /* what should be here: tables, copies, entries */
	uint64_t actual;   /* what is, whoever wanted it where */
	uint64_t huge;	   /* of actual: on pages of 2 MiB or more */
};

/* Where a map is. */
struct nh_placement {
	size_t size;	  /* set by the caller */
	int policy;	  /* enum nh_placement_policy; never AUTO */
	unsigned nodes;	  /* of node[]: all that this process may use */
	uint64_t right;	  /* bytes that are on the node they should be on */
	uint64_t astray;  /* on another one */
	uint64_t unknown; /* the kernel does not tell */
	struct nh_node_use node[NH_NODES_MAX];
};

/*
 * nh_u64_placement - ask the kernel where each page of a map is (move_pages(2))
 *
 * Settles each segment first.  Tables without a node to be on (LOCAL) count as
 * right wherever they are; what nobody has touched yet is nowhere.
 * NH_ERR_NOMEM, NH_ERR_REENTRY.  O(pages) system time; any thread may write
 * meanwhile.
 */
NH_API int nh_u64_placement(struct nh_u64 *m, struct nh_placement *out);

/* --------------------------------------------------------- bytes -> bytes */

/*
 * struct nh_map maps byte strings to byte strings.  A key has 1 to NH_KEY_MAX
 * bytes, a value 0 to NH_VALUE_MAX; both are copied in and out.
 *
 * What holds for nh_u64 holds here: any thread, linearizable, reads that take
 * no lock and wait for nobody.  A key costs its own bytes and its value's, 8
 * bytes of header and a pair in the table.  A value that is overwritten is
 * replaced, so that takes memory, too.
 *
 * All functions want key != NULL and a legal key_len, value != NULL unless
 * value_len is 0, and say NH_ERR_ARG otherwise; those that store say
 * NH_ERR_NOMEM, whether the key is there or not, NH_ERR_FULL only when it is
 * new, and all that write NH_ERR_REENTRY.
 *
 * Where a value is handed out, *len is the room there on the way in and the
 * value's length on the way out.  When the room is too short, NH_ERR_SHORT:
 * *len says how much it takes, and nothing changed.  After any error the room
 * may hold a part of a value that was replaced meanwhile.  Such a pair of
 * arguments may be NULL and NULL where that is not the point of the function.
 */
struct nh_map;

#define NH_KEY_MAX ((size_t)65536)
#define NH_VALUE_MAX ((size_t)1 << 30)

/* Bytes to read, and room to write to. */
struct nh_bytes {
	const void *data;
	size_t len;
};
struct nh_buffer {
	void *data;
	size_t len;
};

/* nh_map_create - as nh_u64_create() */
NH_API struct nh_map *nh_map_create(const struct nh_config *config, int *err);

/*
 * nh_map_destroy - as nh_u64_destroy()
 *
 * Pins that are left go too: their bytes are gone with the map.  With
 * NH_DEBUG_PINS each of them is reported on standard error.
 */
NH_API void nh_map_destroy(struct nh_map *m);

/*
 * nh_map_get - copy the value out.  NH_ERR_NOTFOUND, NH_ERR_SHORT.
 *
 * One line of the table, and the entry.
 */
NH_API int nh_map_get(const struct nh_map *m, const void *key, size_t key_len,
		      void *value, size_t *value_len);

/* nh_map_put - set key to value, whether it was there or not */
NH_API int nh_map_put(struct nh_map *m, const void *key, size_t key_len,
		      const void *value, size_t value_len);

/* nh_map_insert - as put, but NH_ERR_EXISTS when the key is there */
NH_API int nh_map_insert(struct nh_map *m, const void *key, size_t key_len,
			 const void *value, size_t value_len);

/*
 * nh_map_load_or_store - the value there, or else store this one
 *
 * *loaded tells which; *actual is written only when it was there.
 * NH_ERR_SHORT.
 */
NH_API int nh_map_load_or_store(struct nh_map *m, const void *key,
				size_t key_len, const void *value,
				size_t value_len, void *actual,
				size_t *actual_len, bool *loaded);

/* nh_map_swap - put, and hand out what was there, if *loaded.  NH_ERR_SHORT. */
NH_API int nh_map_swap(struct nh_map *m, const void *key, size_t key_len,
		       const void *value, size_t value_len, void *old,
		       size_t *old_len, bool *loaded);

/*
 * nh_map_compare_and_swap - set to desired if the value is expected
 *
 * Values are equal if all their bytes are.  NH_ERR_NOTFOUND, NH_ERR_MISMATCH.
 */
NH_API int nh_map_compare_and_swap(struct nh_map *m, const void *key,
				   size_t key_len, const void *expected,
				   size_t expected_len, const void *desired,
				   size_t desired_len);

/* nh_map_delete - NH_OK, or NH_ERR_NOTFOUND */
NH_API int nh_map_delete(struct nh_map *m, const void *key, size_t key_len);

/* nh_map_load_and_delete - as delete, with the value handed out */
NH_API int nh_map_load_and_delete(struct nh_map *m, const void *key,
				  size_t key_len, void *old, size_t *old_len);

/* nh_map_compare_and_delete - delete if the value is expected; as CAS */
NH_API int nh_map_compare_and_delete(struct nh_map *m, const void *key,
				     size_t key_len, const void *expected,
				     size_t expected_len);

/*
 * The callback of nh_map_update(); returns enum nh_update.  *value is a copy of
 * the value there, or empty when present is false.  For NH_UPDATE_STORE let it
 * point to the bytes to store, which are copied when the callback has returned.
 * What holds for nh_u64_update_fn holds here; nor may it scan.
 */
typedef int (*nh_map_update_fn)(void *arg, const struct nh_bytes *key,
				bool present, struct nh_bytes *value);

/*
 * nh_map_update - read, decide and write as one step.  Called exactly once.
 *
 * NH_ERR_ARG also for a verdict or a value that is not legal, and NH_ERR_NOMEM
 * when there is no room for the value it asked for: then nothing changed.
 */
NH_API int nh_map_update(struct nh_map *m, const void *key, size_t key_len,
			 nh_map_update_fn fn, void *arg);

/*
 * nh_map_get_batch - n independent gets with their cache misses overlapped
 *
 * values[i] is room for the value of keys[i]; results[i] is what nh_map_get()
 * would return, and values[i].len is then the length.  *hits, unless NULL,
 * counts the NH_OKs.  Any n, 0 too; not one atomic step.
 */
NH_API int nh_map_get_batch(const struct nh_map *m, const struct nh_bytes *keys,
			    size_t n, struct nh_buffer *values, int *results,
			    size_t *hits);

/* nh_map_put_batch - n puts in order; as nh_u64_put_batch() */
NH_API int nh_map_put_batch(struct nh_map *m, const struct nh_bytes *keys,
			    const struct nh_bytes *values, size_t n,
			    size_t *done);

/* Return 0 to go on, anything else to stop after this pair. */
typedef int (*nh_map_scan_fn)(void *arg, const struct nh_bytes *key,
			      const struct nh_bytes *value);

/*
 * nh_map_scan - as nh_u64_scan()
 *
 * key and value are copies that live as long as the callback runs.  Writers of
 * the few keys of a line may wait while they are copied.  NH_ERR_NOMEM: the
 * cursor stands where the scan can go on.  NH_ERR_REENTRY.
 *
 * In a map that has, or has had, a rule for its segments, all segments are gone
 * through side by side, since there keys may move from one to another: then a
 * call looks into all of them for the next few thousand keys (fewer at first),
 * so many calls that each see a few pairs cost more.
 */
NH_API int nh_map_scan(const struct nh_map *m, struct nh_cursor *cursor,
		       nh_map_scan_fn fn, void *arg);

/* What an idle entry had; key and value live until it returns. */
typedef void (*nh_map_evict_fn)(void *arg, const struct nh_bytes *key,
				const struct nh_bytes *value);

/* As for nh_u64; entries go with their segment. */
NH_API int nh_map_rehome(struct nh_map *m, int segment, int node);
NH_API int nh_map_segment(const struct nh_map *m, const void *key,
			  size_t key_len);
NH_API int nh_map_home_node(const struct nh_map *m, const void *key,
			    size_t key_len);
NH_API int nh_map_settle(struct nh_map *m);
NH_API int nh_map_placement(struct nh_map *m, struct nh_placement *out);
NH_API int nh_map_on_evict(struct nh_map *m, nh_map_evict_fn fn, void *arg);
NH_API int nh_map_reclaim(struct nh_map *m, uint64_t *gone);
NH_API uint64_t nh_map_len(const struct nh_map *m);
NH_API int nh_map_clear(struct nh_map *m);
NH_API int nh_map_reserve(struct nh_map *m, uint64_t n);
NH_API int nh_map_shrink(struct nh_map *m);
NH_API int nh_map_stats(const struct nh_map *m, struct nh_stats *out);

/*
 * nh_map_reshard - move all keys to where another rule wants them; NULL: by
 * hash
 *
 * Returns when they are there.  Others go on meanwhile, and all that is
 * promised of their operations holds, of scans too: a key is found by the old
 * rule until it has moved.  Until then a miss looks twice.
 *
 * A rule is `fn` and `arg` together: the next version of one is another `arg`
 * (or fn).  When the map goes by this rule already, nothing is done.
 *
 * NH_ERR_NOMEM: keys have moved in part, both rules stay in force, nothing is
 * lost; the next call, whatever its rule, first moves the rest.  NH_ERR_BUSY:
 * another call is moving keys.  NH_ERR_REENTRY.  NH_ERR_ARG also when the map
 * is of a fixed capacity.  O(entries), paid by the caller, who locks a line or
 * two at a time.  With idle reclaim, a key that has moved may stay half a
 * timeout longer.
 */
NH_API int nh_map_reshard(struct nh_map *m, nh_segment_fn fn, void *arg);

/* One segment of an nh_map. */
struct nh_segment_stats {
	size_t size; /* set by the caller to sizeof(struct nh_segment_stats) */
	uint64_t entries;
	uint64_t slots;		 /* room in the lines of its tables */
	uint64_t table_bytes;	 /* their lines */
	uint64_t overflow_lines; /* of those, in use */
	bool migrating;		 /* from one table to another */
};

/*
 * nh_map_segment_stats - NH_ERR_ARG for a segment above 255.  Any thread.
 *
 * Entries are counted by looking at each line of the segment, locked, one after
 * another: exact while nobody writes.  NH_ERR_REENTRY.
 */
NH_API int nh_map_segment_stats(const struct nh_map *m, unsigned segment,
				struct nh_segment_stats *out);

/* ------------------------------------------------------------------- pins */

/*
 * A value of nh_map where it lies, without a copy.
 *
 *	struct nh_pin pin;
 *
 *	if (nh_pin(m, "key", 3, &pin) == NH_OK) {
 *		fwrite(pin.value, 1, pin.len, stdout);
 *		nh_unpin(m, &pin);
 *	}
 *
 * The bytes at `value`, which is aligned to nothing, are as they were when the
 * pin was made until it is given to nh_unpin(), whatever becomes of the key
 * meanwhile: who overwrites or deletes it waits for no pin.  Only
 * nh_map_destroy() does not heed pins.  Any thread may read the bytes and give
 * the pin back.  The struct may be copied, but one of the copies counts.
 */
struct nh_pin {
	const void *value;
	size_t len;
	uint64_t own[2]; /* the library's */
};

/*
 * nh_pin - hold on to the value a key has now.  Any thread.
 *
 * NH_ERR_NOTFOUND, NH_ERR_NOMEM, NH_ERR_REENTRY; NH_ERR_SYSTEM: no entropy for
 * the first pin of a map.  Counts as a write of the key to those it meets on
 * the key's line; a value may have any number of pins.  Memory that a pin keeps
 * from being freed shows as nh_stats.orphans.
 */
NH_API int nh_pin(struct nh_map *m, const void *key, size_t key_len,
		  struct nh_pin *pin);

/*
 * nh_unpin - let go of it, and clear *pin.  Any thread, in callbacks too.
 *
 * The last one frees a value that has been overwritten or deleted.
 * NH_ERR_ARG: not a pin of this map, or given back already.  The library can
 * tell that from *pin if it was cleared, and from a copy of it once the value
 * has no pins left; with NH_DEBUG_PINS from any copy.
 */
NH_API int nh_unpin(struct nh_map *m, struct nh_pin *pin);

/*
 * nh_pins_report - the pins that are held for min_age_ms or longer.  Any.
 *
 * Oldest first: when and by which thread it was made, the beginning of the key,
 * whether the value is an orphan, and where with glibc the calls that led to
 * it, as backtrace_symbols(3) has them: link with -rdynamic to see names.
 *
 * Writes at most `size` bytes with the final NUL; returns the length of the
 * whole text, so a second call can bring room.  0: there is no such pin, or
 * the map does not keep record (NH_DEBUG_PINS, NUMAHASH_DEBUG=pins), or is
 * NULL.
 *
 * A map that does has each pin cost an allocation, a backtrace and a mutex.
 * It also writes to standard error: at nh_map_destroy() the pins that are left;
 * and once for each, when it is held for pin_age_ms, found by the next call of
 * nh_pin() or nh_unpin() on this map.
 */
NH_API size_t nh_pins_report(const struct nh_map *m, uint64_t min_age_ms,
			     char *text, size_t size);

/* -------------------------------------------------------------- the process */

/* What tables are made of, for the whole process; sizes in bytes. */
struct nh_memory {
	size_t size;	   /* set by the caller */
	uint64_t reserved; /* address space held */
	uint64_t used;	   /* by live tables */
	uint64_t retained; /* free, but not given back to the system */
	uint64_t returned; /* given back since the process began */
	uint64_t hugetlb;  /* of reserved: 2 MiB pages from the pool */
	uint64_t
		transparent; /* of reserved: transparent huge pages asked for */
	uint64_t small;	     /* of reserved: 4 KiB pages */
	uint64_t hugetlb_refused; /* times we fell back from each */
	uint64_t transparent_refused;
	uint64_t populate_refused; /* prefault asked for and refused */
	uint64_t return_refused;   /* giving back refused */
	/* A caller built before these were here has a smaller size. */
	uint64_t giant;		   /* of reserved: 1 GiB pages from the pool */
	uint64_t collapsed;	   /* made huge pages of small ones */
	uint64_t giant_refused;	   /* times we fell back from 1 GiB pages */
	uint64_t collapse_refused; /* times that was refused */
	uint64_t bind_refused;	   /* times memory was not bound to a node */
	uint64_t bound_elsewhere;  /* or to others than was asked for */
	uint64_t fell_over;	   /* times another node gave for a full one */
};

/*
 * nh_memory_stats - fill as many fields as out->size has room for
 *
 * NH_ERR_ARG when that is less than up to return_refused.  Any thread.
 */
NH_API int nh_memory_stats(struct nh_memory *out);

/*
 * nh_describe - what this build found on this machine, as "name: value" lines
 *
 * Writes at most size bytes with the final NUL; returns the length that the
 * whole text has, so a second call can bring room.  Any thread.
 */
NH_API size_t nh_describe(char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
