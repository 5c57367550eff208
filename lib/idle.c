/*
 * idle.c - the clocks of idle reclaim, and when to sweep
 */
#include "lib/idle.h"

#include <stdlib.h>

#include "lib/clock.h"

#define NS_PER_MS UINT64_C(1000000)

/* How often the thread comes: so many times in a step, without a rest. */
static uint64_t
interval_of(uint64_t step_ns, uint64_t check_ns)
{
	uint64_t times;

	if (!check_ns)
		return 0;
	times = (step_ns + check_ns - 1) / check_ns;
	return (step_ns + times - 1) / times;
}

static int
init_mutex(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attr;
	int err;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	err = pthread_mutex_init(mutex, &attr);
	pthread_mutexattr_destroy(&attr);
	return err ? NH_ERR_NOMEM : NH_OK;
}

int
nh_idle_start(struct nh_core *m, const struct nh_config *c)
{
	struct nh_idle *idle = calloc(1, sizeof(*idle));
	uint64_t now = nh_clock_ns();

	if (!idle)
		return NH_ERR_NOMEM;
	if (init_mutex(&idle->mutex)) {
		free(idle);
		return NH_ERR_NOMEM;
	}
	idle->step_ns = c->idle_timeout_ms * NS_PER_MS / 2;
	idle->interval_ns =
		interval_of(idle->step_ns, c->check_interval_ms * NS_PER_MS);
	idle->least = c->min_idle_count;
	/* The first step may be short: only whole ones are counted on. */
	for (uint64_t i = 0; i < NH_SEGMENTS; i++) {
		idle->stepped[i] = now - idle->step_ns / NH_SEGMENTS * i;
		/* relaxed: no other thread has the map yet. */
		nh_store_relaxed(&idle->clock[i], ~NH_WORD_AGE);
	}
	m->idle = idle;
	return NH_OK;
}

void
nh_idle_stop(struct nh_core *m)
{
	pthread_mutex_destroy(&m->idle->mutex);
	free(m->idle);
	m->idle = NULL;
}

void
nh_idle_quit(struct nh_core *m)
{
	/* relaxed: a wish; who is waited for is joined. */
	nh_store_relaxed(&m->idle->quit, 1);
}

/*
 * Move the clocks that are due, and note which.  busy is ours.
 *
 * The time is read before, to judge, and again after, to count from: so a step
 * is never shorter than it should be.
 */
static void
step(struct nh_idle *idle, bool due[NH_SEGMENTS], uint64_t *at)
{
	uint64_t now = nh_clock_ns();

	for (unsigned i = 0; i < NH_SEGMENTS; i++) {
		/* relaxed: an age orders nothing, and nobody else moves it. */
		uint64_t age =
			(nh_load_relaxed(&idle->clock[i]) & NH_WORD_AGE) +
			NH_AGE_STEP;

		due[i] = now - idle->stepped[i] >= idle->step_ns;
		if (due[i])
			/* relaxed: as above. */
			nh_store_relaxed(&idle->clock[i], age | ~NH_WORD_AGE);
	}
	*at = nh_clock_ns();
	for (unsigned i = 0; i < NH_SEGMENTS; i++)
		if (due[i])
			idle->stepped[i] = *at;
}

uint64_t
nh_idle_sweep(struct nh_core *m, uint64_t *at)
{
	struct nh_idle *idle = m->idle;
	bool due[NH_SEGMENTS];
	uint64_t unlocked = 0;
	uint64_t gone = 0;

	*at = nh_clock_ns();
	/* order(sweep): acquire, so the last sweep's times are seen */
	if (!nh_cas_acquire(&idle->busy, &unlocked, 1))
		return 0;
	step(idle, due, at);
	for (unsigned i = 0; i < NH_SEGMENTS; i++)
		/* relaxed: a wish, and nothing comes after the map's end. */
		if (due[i] && !nh_load_relaxed(&idle->quit))
			gone += m->ops->sweep(m, i);
	/* order(sweep): release, after the times were written */
	nh_store_release(&idle->busy, 0);
	return gone;
}

int
nh_core_reclaim(struct nh_core *m, uint64_t *gone)
{
	uint64_t n, at;

	if (!m->idle)
		return NH_ERR_ARG;
	if (nh_self.in_update)
		return NH_ERR_REENTRY;
	n = nh_idle_sweep(m, &at);
	if (gone)
		*gone = n;
	return NH_OK;
}
