/*
 * shard.c - the rules in force, and the step from one to another
 */
#include "lib/shard.h"

#include "lib/map.h"

/* A rule in hand. */
struct rule {
	nh_segment_fn fn;
	void *arg;
};

static struct rule
rule_load(const struct nh_rule *r)
{
	struct rule rule;

	/* order(rules): acquire, so the generation is looked at after it */
	rule.fn = (nh_segment_fn)(uintptr_t)nh_load_acquire(&r->fn);
	/* order(rules): acquire, as above */
	rule.arg = (void *)(uintptr_t)nh_load_acquire(&r->arg);
	return rule;
}

static void
rule_store(struct nh_rule *r, nh_segment_fn fn, void *arg)
{
	/* order(rules): release, after the generation that left this rule */
	nh_store_release(&r->fn, (uintptr_t)fn);
	/* order(rules): release, as above */
	nh_store_release(&r->arg, (uintptr_t)arg);
}

static uint64_t
rule_hash(const struct rule *r, uint64_t hash, const void *data, size_t len)
{
	uint64_t segment;

	if (!r->fn)
		return hash;
	segment = r->fn(r->arg, data, len) % NH_SEGMENTS;
	return segment << 56 | (hash & NH_POSITION);
}

void
nh_shard_init(struct nh_shard *s, nh_segment_fn fn, void *arg)
{
	rule_store(&s->rule[0], NULL, NULL);
	rule_store(&s->rule[1], fn, arg);
	/* order(rules): release, for symmetry: nobody has the map yet */
	nh_store_release(&s->generation, fn ? 2 : 0);
}

struct nh_places
nh_shard_places(const struct nh_shard *s, uint64_t hash, const void *data,
		size_t len)
{
	struct rule old, now;
	struct nh_places p;

	do {
		unsigned first;

		p.generation = nh_shard_generation(s);
		first = p.generation >> 1 & 1;
		old = rule_load(&s->rule[first]);
		now = rule_load(&s->rule[first ^ (p.generation & 1)]);
		/* A rule that was stored over was left by an earlier one. */
	} while (nh_shard_generation(s) != p.generation);
	p.now = rule_hash(&now, hash, data, len);
	p.old = p.generation & 1 ? rule_hash(&old, hash, data, len) : p.now;
	return p;
}

bool
nh_shard_is(const struct nh_shard *s, nh_segment_fn fn, void *arg)
{
	uint64_t generation = nh_shard_generation(s);
	struct rule r = rule_load(&s->rule[(generation + 1) >> 1 & 1]);

	return r.fn == fn && (!fn || r.arg == arg);
}

void
nh_shard_begin(struct nh_shard *s, nh_segment_fn fn, void *arg)
{
	uint64_t generation = nh_shard_generation(s);

	rule_store(&s->rule[~generation >> 1 & 1], fn, arg);
	/* order(rules): release, after the new rule */
	nh_store_release(&s->generation, generation + 1);
}

void
nh_shard_end(struct nh_shard *s)
{
	/* order(rules): release, after all keys were moved */
	nh_store_release(&s->generation, nh_shard_generation(s) + 1);
}
