/*
 * round.c - threads that work on a few hot keys while all is recorded
 */
#include "tests/lin/round.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __x86_64__
#include <x86intrin.h>
#endif

#include "tests/model/args.h"
#include "tests/model/kit.h"

/* ----------------------------------------------------------------- stalling */

static _Thread_local struct {
	unsigned period;
	struct rng rng;
	uint64_t points, stalls;
} stall;

void
lin_stall_every(unsigned period, uint64_t seed)
{
	stall.period = period;
	stall.rng = rng_make(seed);
	stall.points = stall.stalls = 0;
}

void
lin_stall(void)
{
	if (stall.period == 0)
		return;
	stall.points++;
	if (rng_below(&stall.rng, stall.period))
		return;
	stall.stalls++;
	if (rng_below(&stall.rng, 2)) {
		sched_yield();
		return;
	}
	for (unsigned i = 0; i < 2000; i++)
		atomic_signal_fence(memory_order_seq_cst);
}

/* -------------------------------------------------------------------- clock */

/*
 * now - a time that lies inside the operation it begins or ends
 *
 * At the end of an operation its stores must have left the store buffer before
 * the clock is read, or a correct table is found guilty once in ten million
 * operations: hence mfence, and lfence so that rdtsc waits for it (Intel SDM,
 * "RDTSC").  The last lfence keeps the operation from starting before its begin
 * was read.
 */
static uint64_t
now(void)
{
#ifdef __x86_64__
	uint64_t time;

	_mm_mfence();
	_mm_lfence();
	time = __rdtsc();
	_mm_lfence();
	return time;
#else
	static _Thread_local atomic_int full_barrier;
	struct timespec time;

	atomic_fetch_add(&full_barrier, 1);
	clock_gettime(CLOCK_MONOTONIC, &time);
	atomic_fetch_add(&full_barrier, 1);
	return (uint64_t)time.tv_sec * UINT64_C(1000000000) +
	       (uint64_t)time.tv_nsec;
#endif
}

/* ------------------------------------------------------------------ workers */

/* How often each kind is taken, of 100. */
static const uint8_t share[LIN_KINDS] = {
	[LIN_GET] = 44, [LIN_PUT] = 14, [LIN_INSERT] = 10, [LIN_SWAP] = 6,
	[LIN_CAS] = 10, [LIN_ADD] = 4,	[LIN_DELETE] = 6,  [LIN_TAKE] = 6,
};

struct run {
	const struct lin_subject *subject;
	const struct lin_plan *plan;
	pthread_barrier_t barrier;
	atomic_bool stop;
};

struct worker {
	struct run *run;
	pthread_t thread;
	unsigned id;
	struct rng rng;
	uint64_t tokens;	      /* drawn so far */
	uint64_t last[LIN_MOST_KEYS]; /* value seen last */
	uint64_t points, stalls;
	struct lin_op *log;
};

static enum lin_kind
pick_kind(struct rng *rng)
{
	uint64_t at = rng_below(rng, 100);
	unsigned kind = 0;

	while (at >= share[kind])
		at -= share[kind++];
	return (enum lin_kind)kind;
}

/* Values tell who made them; additions do not reach the next one's. */
static uint64_t
next_token(struct worker *w)
{
	return (uint64_t)(w->id + 1) << 40 | ++w->tokens << 12;
}

static void
record(struct worker *w, struct lin_op *op)
{
	const struct lin_subject *subject = w->run->subject;
	uint32_t key = (uint32_t)rng_below(&w->rng, w->run->plan->keys);
	enum lin_kind kind = pick_kind(&w->rng);

	*op = (struct lin_op){ .key = key,
			       .thread = (uint16_t)w->id,
			       .kind = (uint8_t)kind };
	op->arg = kind == LIN_ADD ? 1 + w->id : next_token(w);
	op->expected = w->last[key] ? w->last[key] : 1;
	lin_stall();
	op->begin = now();
	subject->run(subject->map, w->run->plan->key[key], op);
	op->end = now();
	if (kind == LIN_GET)
		w->last[key] = op->out;
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct run *run = w->run;

	lin_stall_every(run->plan->stall, run->plan->seed + 100 + w->id);
	for (;;) {
		pthread_barrier_wait(&run->barrier);
		if (atomic_load(&run->stop))
			break;
		for (unsigned i = 0; i < run->plan->ops; i++)
			record(w, &w->log[i]);
		pthread_barrier_wait(&run->barrier);
	}
	w->points = stall.points;
	w->stalls = stall.stalls;
	return NULL;
}

/* ------------------------------------------------------------------- rounds */

/* All that the main thread needs for checking. */
struct judge {
	struct run run;
	struct worker worker[LIN_MOST_THREADS];
	struct lin_op *logs;	/* of all workers */
	struct lin_op *history; /* of one key */
	uint64_t initial[LIN_MOST_KEYS];
	struct lin_checker checker;
};

/* In the pause nobody else touches these keys: what is read is the state. */
static void
read_initial(struct judge *j)
{
	const struct lin_plan *plan = j->run.plan;

	for (unsigned k = 0; k < plan->keys; k++) {
		struct lin_op op = { .kind = LIN_GET };

		j->run.subject->run(j->run.subject->map, plan->key[k], &op);
		j->initial[k] = op.out;
	}
}

static bool
judge_key(struct judge *j, unsigned key, uint64_t round, FILE *out)
{
	size_t all = (size_t)j->run.plan->threads * j->run.plan->ops, n = 0;
	long culprit;

	for (size_t i = 0; i < all; i++)
		if (j->logs[i].key == key)
			j->history[n++] = j->logs[i];
	culprit = lin_check(&j->checker, j->history, n, j->initial[key]);
	if (culprit == LIN_TOO_WIDE)
		fail("too many operations at once for the checker");
	if (culprit == LIN_OK)
		return true;
	if (!out)
		return false;
	fprintf(out,
		"not linearizable: round %" PRIu64 ", key 0x%" PRIx64
		", value before the round %" PRIx64 "; no order explains =>\n",
		round, j->run.plan->key[key], j->initial[key]);
	lin_print(out, j->history, n, (size_t)culprit);
	return false;
}

static bool
judge_round(struct judge *j, uint64_t round, FILE *out)
{
	bool good = true;

	for (unsigned k = 0; k < j->run.plan->keys && good; k++)
		good = judge_key(j, k, round, out);
	return good;
}

static bool
run_rounds(struct judge *j, struct lin_tally *tally, FILE *out)
{
	const struct lin_plan *plan = j->run.plan;
	bool good = true;

	for (uint64_t round = 0; round < plan->rounds && good; round++) {
		read_initial(j);
		pthread_barrier_wait(&j->run.barrier);
		pthread_barrier_wait(&j->run.barrier);
		good = judge_round(j, round, out);
		if (plan->between)
			plan->between(plan->between_arg);
		tally->rounds++;
		tally->ops += (uint64_t)plan->threads * plan->ops;
	}
	return good;
}

static void
start_workers(struct judge *j)
{
	const struct lin_plan *plan = j->run.plan;

	for (unsigned i = 0; i < plan->threads; i++) {
		struct worker *w = &j->worker[i];

		w->run = &j->run;
		w->id = i;
		w->rng = rng_make(plan->seed + i);
		w->log = j->logs + (size_t)i * plan->ops;
		if (pthread_create(&w->thread, NULL, work, w))
			fail("no thread");
	}
}

static void
stop_workers(struct judge *j, struct lin_tally *tally)
{
	atomic_store(&j->run.stop, true);
	pthread_barrier_wait(&j->run.barrier);
	for (unsigned i = 0; i < j->run.plan->threads; i++) {
		pthread_join(j->worker[i].thread, NULL);
		tally->points += j->worker[i].points;
		tally->stalls += j->worker[i].stalls;
	}
}

bool
lin_rounds(const struct lin_subject *subject, const struct lin_plan *plan,
	   struct lin_tally *tally, FILE *out)
{
	size_t all = (size_t)plan->threads * plan->ops;
	struct judge *j = calloc(1, sizeof(*j));
	bool good;

	memset(tally, 0, sizeof(*tally));
	if (!j || !(j->logs = calloc(all, sizeof(*j->logs))) ||
	    !(j->history = calloc(all, sizeof(*j->history))))
		fail("no memory for histories");
	j->run.subject = subject;
	j->run.plan = plan;
	lin_init(&j->checker);
	pthread_barrier_init(&j->run.barrier, NULL, plan->threads + 1);
	start_workers(j);
	good = run_rounds(j, tally, out);
	stop_workers(j, tally);
	tally->widest = j->checker.widest;
	pthread_barrier_destroy(&j->run.barrier);
	lin_fini(&j->checker);
	free(j->logs);
	free(j->history);
	free(j);
	return good;
}
