/*
 * lin.c - is the history of one key linearizable?
 */
#include "tests/lin/lin.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/args.h"

#define SLOTS 64		 /* operations pending at once */
#define WIDEST ((size_t)1 << 17) /* configurations at once */

struct lin_config {
	uint64_t state;
	uint64_t taken; /* the slots whose operations have taken effect */
};

static void *
must(void *memory)
{
	if (!memory)
		fail("no memory for checking a history");
	return memory;
}

/* ---------------------------------------------------- sets of configurations
 */

static uint64_t
config_hash(struct lin_config config)
{
	uint64_t x = config.state * UINT64_C(0x9e3779b97f4a7c15) ^
		     config.taken * UINT64_C(0xc2b2ae3d27d4eb4f);

	return x ^ x >> 29;
}

/* set_find - where the configuration is in the index, or would be */
static uint64_t *
set_find(const struct lin_set *set, struct lin_config config)
{
	uint64_t i = config_hash(config);

	for (;; i++) {
		uint64_t *at = &set->index[i & (2 * set->room - 1)];
		const struct lin_config *c;

		if (*at >> 32 != set->generation)
			return at;
		c = &set->config[(uint32_t)*at];
		if (c->state == config.state && c->taken == config.taken)
			return at;
	}
}

static void
set_grow(struct lin_set *set)
{
	set->room = set->room ? 2 * set->room : 16;
	set->config =
		must(realloc(set->config, set->room * sizeof(*set->config)));
	free(set->index);
	set->index = must(calloc(2 * set->room, sizeof(*set->index)));
	set->generation = 1;
	for (size_t i = 0; i < set->count; i++)
		*set_find(set, set->config[i]) = UINT64_C(1) << 32 | i;
}

static void
set_add(struct lin_set *set, struct lin_config config)
{
	uint64_t *at;

	if (set->count == set->room)
		set_grow(set);
	at = set_find(set, config);
	if (*at >> 32 == set->generation)
		return;
	*at = (uint64_t)set->generation << 32 | set->count;
	set->config[set->count++] = config;
}

static void
set_clear(struct lin_set *set)
{
	set->count = 0;
	if (++set->generation)
		return;
	memset(set->index, 0, 2 * set->room * sizeof(*set->index));
	set->generation = 1;
}

void
lin_init(struct lin_checker *c)
{
	memset(c, 0, sizeof(*c));
}

static void
set_fini(struct lin_set *set)
{
	free(set->config);
	free(set->index);
}

void
lin_fini(struct lin_checker *c)
{
	set_fini(&c->now);
	set_fini(&c->next);
	set_fini(&c->reach);
}

/* ------------------------------------------------- what an operation may do */

/* step - may op take effect in this state, and what is the state then? */
static bool
step(const struct lin_op *op, uint64_t state, uint64_t *then)
{
	bool unknown = op->end == LIN_NEVER;
	bool same_out = unknown || op->out == state;
	enum lin_answer answer = state ? LIN_YES : LIN_ABSENT;

	*then = state;
	switch ((enum lin_kind)op->kind) {
	case LIN_GET:
		return same_out && (unknown || op->answer == answer);
	case LIN_PUT:
		*then = op->arg;
		return true;
	case LIN_INSERT:
		*then = state ? state : op->arg;
		return unknown || op->answer == (state ? LIN_NO : LIN_YES);
	case LIN_SWAP:
		*then = op->arg;
		return same_out;
	case LIN_CAS:
		if (state && state != op->expected)
			answer = LIN_NO;
		if (answer == LIN_YES)
			*then = op->arg;
		return unknown || op->answer == answer;
	case LIN_ADD:
		*then = state + op->arg;
		return same_out;
	case LIN_DELETE:
		*then = 0;
		return unknown || op->answer == answer;
	case LIN_TAKE:
		*then = 0;
		return same_out && (unknown || op->answer == answer);
	case LIN_KINDS:
		break;
	}
	return false;
}

/* --------------------------------------------------------------- the search */

/* The begin or the end of an operation. */
struct event {
	uint64_t time;
	uint32_t op;
	bool is_end;
};

/* A begin comes before an end of the same time: they may have overlapped. */
static int
event_order(const void *left, const void *right)
{
	const struct event *l = left, *r = right;

	if (l->time != r->time)
		return l->time < r->time ? -1 : 1;
	return (int)l->is_end - (int)r->is_end;
}

static size_t
list_events(const struct lin_op *ops, size_t n, struct event *events)
{
	size_t count = 0;

	for (uint32_t i = 0; i < n; i++) {
		events[count++] = (struct event){ ops[i].begin, i, false };
		if (ops[i].end != LIN_NEVER)
			events[count++] = (struct event){ ops[i].end, i, true };
	}
	qsort(events, count, sizeof(*events), event_order);
	return count;
}

/* The operations that have begun and not ended, each in a slot. */
struct pending {
	const struct lin_op *slot[SLOTS];
	uint64_t used;
};

/* only_looks - is it known from its answer that it changes nothing? */
static bool
only_looks(const struct lin_op *op)
{
	if (op->end == LIN_NEVER)
		return false;
	switch ((enum lin_kind)op->kind) {
	case LIN_GET:
		return true;
	case LIN_INSERT:
	case LIN_CAS:
		return op->answer != LIN_YES;
	case LIN_DELETE:
	case LIN_TAKE:
		return op->answer == LIN_ABSENT;
	default:
		return false;
	}
}

/*
 * settle - let every pending operation that fits and only looks take effect at
 * once.  Waiting could never be better for it.
 */
static struct lin_config
settle(struct lin_checker *c, const struct pending *p, struct lin_config config)
{
	uint64_t left = p->used & ~config.taken, then;

	for (; left; left &= left - 1) {
		unsigned slot = (unsigned)__builtin_ctzll(left);

		c->steps++;
		if (only_looks(p->slot[slot]) &&
		    step(p->slot[slot], config.state, &then))
			config.taken |= UINT64_C(1) << slot;
	}
	return config;
}

/* branch - into `reach`, what one more pending operation makes of config */
static void
branch(struct lin_checker *c, const struct pending *p, struct lin_config config)
{
	uint64_t left = p->used & ~config.taken;

	for (; left; left &= left - 1) {
		unsigned slot = (unsigned)__builtin_ctzll(left);
		struct lin_config then = config;

		c->steps++;
		if (only_looks(p->slot[slot]) ||
		    !step(p->slot[slot], config.state, &then.state))
			continue;
		then.taken |= UINT64_C(1) << slot;
		set_add(&c->reach, settle(c, p, then));
	}
}

/* end_op - keep what explains that the operation in `slot` has ended */
static bool
end_op(struct lin_checker *c, struct pending *p, unsigned slot)
{
	uint64_t bit = UINT64_C(1) << slot;
	struct lin_set swap = c->now;

	set_clear(&c->reach);
	set_clear(&c->next);
	for (size_t i = 0; i < c->now.count; i++)
		set_add(&c->reach, settle(c, p, c->now.config[i]));
	/* reach grows while we walk it, until it is closed */
	for (size_t i = 0; i < c->reach.count && i < WIDEST; i++) {
		struct lin_config config = c->reach.config[i];

		if (!(config.taken & bit)) {
			branch(c, p, config);
			continue;
		}
		config.taken &= ~bit;
		set_add(&c->next, config);
	}
	if (c->reach.count > c->widest)
		c->widest = c->reach.count;
	p->used &= ~bit;
	c->now = c->next;
	c->next = swap;
	return c->now.count > 0;
}

static long
walk(struct lin_checker *c, const struct lin_op *ops,
     const struct event *events, size_t count, uint8_t *slot_of)
{
	struct pending p = { .used = 0 };

	for (size_t i = 0; i < count; i++) {
		uint32_t op = events[i].op;
		unsigned slot;

		if (events[i].is_end) {
			bool explained = end_op(c, &p, slot_of[op]);

			if (c->reach.count > WIDEST)
				return LIN_TOO_WIDE;
			if (!explained)
				return op;
			continue;
		}
		if (~p.used == 0)
			return LIN_TOO_WIDE;
		slot = (unsigned)__builtin_ctzll(~p.used);
		p.used |= UINT64_C(1) << slot;
		p.slot[slot] = &ops[op];
		slot_of[op] = (uint8_t)slot;
	}
	return LIN_OK;
}

long
lin_check(struct lin_checker *c, const struct lin_op *ops, size_t n,
	  uint64_t initial)
{
	struct event *events = must(malloc(2 * n * sizeof(*events) + 1));
	uint8_t *slot_of = must(malloc(n + 1));
	size_t count = list_events(ops, n, events);
	long result;

	set_clear(&c->now);
	set_add(&c->now, (struct lin_config){ initial, 0 });
	result = walk(c, ops, events, count, slot_of);
	free(events);
	free(slot_of);
	return result;
}

/* ----------------------------------------------------------------- printing */

static void
print_op(FILE *out, const struct lin_op *op, uint64_t zero, bool culprit)
{
	static const char *const kinds[] = { "get", "put", "insert", "swap",
					     "cas", "add", "delete", "take" };
	static const char *const answers[] = { "yes", "no", "absent" };

	fprintf(out,
		"%s [%8" PRIu64 " ..%8" PRIu64
		"] thread %2u %-6s arg %-13" PRIx64 " expected %-13" PRIx64
		" -> %-6s %" PRIx64 "\n",
		culprit ? "=>" : "  ", op->begin - zero, op->end - zero,
		op->thread, kinds[op->kind], op->arg, op->expected,
		answers[op->answer], op->out);
}

static int
begin_order(const void *left, const void *right)
{
	const struct lin_op *const *l = left, *const *r = right;

	if ((*l)->begin != (*r)->begin)
		return (*l)->begin < (*r)->begin ? -1 : 1;
	return 0;
}

void
lin_print(FILE *out, const struct lin_op *ops, size_t n, size_t culprit)
{
	const struct lin_op **sorted = must(malloc(n * sizeof(*sorted)));
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
		sorted[i] = &ops[i];
	qsort(sorted, n, sizeof(*sorted), begin_order);
	while (sorted[at] != &ops[culprit])
		at++;
	for (size_t i = at < 24 ? 0 : at - 24; i < n; i++) {
		if (sorted[i]->begin > ops[culprit].end)
			break;
		print_op(out, sorted[i], sorted[0]->begin, i == at);
	}
	free(sorted);
}
