/*
 * test_map_step.c - a get of nh_map and a writer, each stopped at any access
 *
 * Built with -DNH_STALL, the library calls nh_stall_point() before each access
 * to shared memory.  A get is stopped at its k-th one; then a writer runs up to
 * its j-th one; then the get runs to its end, and the writer to its own: all k
 * and all j, for one block of keys after another.  What is there throughout
 * must be found, and what is found must be whole.
 */
#include "tests/unit/map_prefix.h"

#include "lib/ladder.h"

#include <limits.h>
#include <pthread.h>
#include <semaphore.h>

#define HASH UINT64_C(0x4200000000000000)
#define PATIENCE 3000 /* accesses of a get that waits for the writer */

/* ------------------------------------------------------------------ stepping
 */

enum role { BYSTANDER, READER, WRITER };

static _Thread_local enum role role;
static _Thread_local unsigned accesses;

static struct {
	sem_t reader, writer; /* go on */
	unsigned reader_stop, reader_again, writer_stop;
	bool met;	   /* the get came to its stop */
	bool begun, ended; /* the writer */
} turn;

/* Let the writer go on, and wait until it stops or ends. */
static void
let_writer(void)
{
	turn.met = turn.begun = true;
	sem_post(&turn.writer);
	sem_wait(&turn.reader);
}

static void
let_reader(void)
{
	sem_post(&turn.reader);
	sem_wait(&turn.writer);
}

void
nh_stall_point(void)
{
	if (role == BYSTANDER)
		return;
	accesses++;
	if (role == WRITER && accesses == turn.writer_stop)
		let_reader();
	if (role != READER)
		return;
	if (accesses == turn.reader_stop)
		let_writer();
	else if (!turn.ended && (accesses == turn.reader_again ||
				 accesses > turn.reader_stop + PATIENCE))
		let_writer();
}

/* -------------------------------------------------------------------- scenes
 */

/* One block of keys, some of which share all of their hash, and an act. */
struct scene {
	struct nh_map *m;
	bool odd;	     /* their home is the odd line */
	unsigned keys;	     /* there at first: 0 to keys - 1 */
	unsigned kept, hurt; /* the one that is got, and the writer's */
	unsigned act;
};

enum { ACT_DELETE, ACT_PUT, ACT_OVERWRITE, ACT_RENEW, ACT_SHORTEN };

/*
 * A block holds eight; a chain's first line has the ninth and the pair that
 * made room for the link, and is full with eleven keys.
 */
static const struct scene scenes[] = {
	{ .keys = 2, .kept = 1, .hurt = 0, .act = ACT_OVERWRITE },
	{ .keys = 8, .kept = 7, .hurt = 0, .act = ACT_PUT },
	{ .keys = 9, .kept = 8, .hurt = 1, .act = ACT_DELETE, .odd = true },
	{ .keys = 9, .kept = 7, .hurt = 8, .act = ACT_SHORTEN },
	{ .keys = 11, .kept = 10, .hurt = 2, .act = ACT_PUT, .odd = true },
	{ .keys = 12, .kept = 10, .hurt = 11, .act = ACT_DELETE },
	{ .keys = 12, .kept = 11, .hurt = 2, .act = ACT_OVERWRITE },
};

#define SCENES (sizeof(scenes) / sizeof(*scenes))

/* The middle of a line, in the first table of a segment. */
static size_t
scene_key(const struct scene *s, unsigned i, unsigned char *to)
{
	uint64_t line = (UINT64_C(1) << 56) / (2 * NH_LADDER_FIRST);
	uint64_t hash = HASH + line / 2 + (s->odd ? line : 0);

	return prefix_key(hash + (i % 5 < 2 ? 1 : i), i, to);
}

/* Values tell their key; the second one of a key is of another length. */
static size_t
scene_value(unsigned i, bool second, unsigned char *to)
{
	size_t len = second ? 90 : 20;

	memset(to, (int)(i + (second ? 100 : 0)), len);
	return len;
}

static void
scene_put(struct scene *s, unsigned i, bool second)
{
	unsigned char key[16], value[100];
	size_t len = scene_key(s, i, key);

	if (nh_map_put(s->m, key, len, value, scene_value(i, second, value)))
		abort();
}

static void
scene_delete(struct scene *s, unsigned i)
{
	unsigned char key[16];

	if (nh_map_delete(s->m, key, scene_key(s, i, key)))
		abort();
}

static void
act(struct scene *s)
{
	switch (s->act) {
	case ACT_DELETE:
		scene_delete(s, s->hurt);
		break;
	case ACT_PUT:
		scene_put(s, s->keys, false);
		break;
	case ACT_OVERWRITE: /* and use the memory that becomes free */
		scene_put(s, s->kept, true);
		scene_put(s, s->hurt, false);
		break;
	case ACT_RENEW: /* a chain begins, and ends when the get was on */
		scene_put(s, s->keys, false);
		if (turn.reader_again)
			let_reader();
		scene_delete(s, s->keys);
		break;
	case ACT_SHORTEN:
		scene_delete(s, s->hurt);
		scene_put(s, s->hurt, false);
		break;
	}
}

static void *
writer(void *arg)
{
	sem_wait(&turn.writer);
	role = WRITER;
	act(arg);
	role = BYSTANDER;
	turn.ended = true;
	sem_post(&turn.reader);
	return NULL;
}

/* Let the segment's table not grow, so that there are chains. */
static void
keep_table(struct nh_map *m)
{
	struct nh_core *c = &m->core;
	/* relaxed: no other thread uses the map yet. */
	uint64_t size = nh_load_relaxed(&c->descriptor[HASH >> 56].size);
	struct nh_table *t = nh_segment_table(&c->segment[HASH >> 56], size);

	/* relaxed: as above. */
	nh_store_relaxed(&t->trigger, UINT64_MAX);
}

static void
scene_set(struct scene *s, int arch)
{
	s->m = prefix_map(arch);
	scene_put(s, 0, false);
	keep_table(s->m);
	for (unsigned i = 1; i < s->keys; i++)
		scene_put(s, i, false);
}

static void
assert_kept(const struct scene *s, int err, const unsigned char *got,
	    size_t len)
{
	unsigned char old[100], new[100];
	size_t old_len = scene_value(s->kept, false, old);
	size_t new_len = scene_value(s->kept, true, new);

	assert_int_equal(err, NH_OK);
	if (len == old_len)
		assert_memory_equal(got, old, len);
	else {
		assert_int_equal(s->act, ACT_OVERWRITE);
		assert_int_equal(len, new_len);
		assert_memory_equal(got, new, len);
	}
}

/*
 * Play a scene, with a get that stops at access k, and at `again` if that is
 * not 0, and a writer that stops at j.  False: the get did not come so far.
 */
static bool
play(struct scene s, int arch, unsigned k, unsigned again, unsigned j,
     bool *ended)
{
	unsigned char key[16], got[100];
	size_t key_len, len = sizeof(got);
	pthread_t thread;
	int err;

	scene_set(&s, arch);
	key_len = scene_key(&s, s.kept, key);
	turn.reader_stop = k;
	turn.reader_again = again;
	turn.writer_stop = j;
	turn.met = turn.begun = turn.ended = false;
	sem_init(&turn.reader, 0, 0);
	sem_init(&turn.writer, 0, 0);
	assert_int_equal(pthread_create(&thread, NULL, writer, &s), 0);
	accesses = 0;
	role = READER;
	err = nh_map_get(s.m, key, key_len, got, &len);
	role = BYSTANDER;
	*ended = turn.ended;
	turn.reader_again = turn.writer_stop = 0; /* to its end now */
	if (!turn.ended)
		sem_post(&turn.writer);
	assert_int_equal(pthread_join(thread, NULL), 0);
	if (err)
		print_message("%u keys, kept %u, hurt %u, act %u, get stopped "
			      "at %u, writer at %u\n",
			      s.keys, s.kept, s.hurt, s.act, k, j);
	assert_kept(&s, err, got, len);
	len = sizeof(got);
	err = nh_map_get(s.m, key, key_len, got, &len);
	assert_kept(&s, err, got, len);
	nh_map_destroy(s.m);
	return turn.met;
}

/* All stops of a scene; how many there were. */
static unsigned
step_through(struct scene s, int arch)
{
	unsigned played = 0;
	bool met = true;

	for (unsigned k = 1; met; k++) {
		bool ended = false;

		for (unsigned j = 1; met && !ended; j++, played++)
			met = play(s, arch, k, 0, j, &ended);
	}
	return played;
}

static void
test_a_key_is_found_wherever_reader_and_writer_stop(void **state)
{
	unsigned played = 0;

	(void)state;
	for (unsigned i = 0; i < SCENES; i++)
		played += step_through(scenes[i], NH_ARCH_AUTO);
	/* A race that was never run proves nothing. */
	assert_true(played > 100 * SCENES);
	print_message("%u meetings\n", played);
}

/*
 * The pair that makes room for the link is moved to the chain while the get
 * stops for the first time, and back while it stops for the second.
 */
static void
test_a_key_is_found_that_a_chain_took_and_gave_back(void **state)
{
	struct scene s = { .keys = 8, .kept = 7, .act = ACT_RENEW };
	unsigned played = 0;

	(void)state;
	for (unsigned odd = 0; odd < 2; odd++) {
		bool met = true;

		s.odd = odd;
		for (unsigned k = 1; met; k++) {
			bool ended = true;

			for (unsigned again = k + 1; met && ended; again++) {
				met = play(s, NH_ARCH_AUTO, k, again, UINT_MAX,
					   &ended);
				played++;
			}
		}
	}
	assert_true(played > 100);
	print_message("%u meetings\n", played);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_a_key_is_found_wherever_reader_and_writer_stop),
		cmocka_unit_test(
			test_a_key_is_found_that_a_chain_took_and_gave_back),
	};

	fixture_filter(argc, argv);
	return cmocka_run_group_tests_name("map_step", tests, NULL, NULL);
}
