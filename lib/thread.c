/*
 * thread.c - slots, handed from threads that end to threads that begin
 */
#include "lib/thread.h"

#include <pthread.h>

#define SHARED_SLOT (NH_STRIPES - 1)

_Thread_local struct nh_self nh_self;

static nh_atomic taken;	  /* a bit for each slot that has an owner */
static nh_atomic serials; /* stretches given by nh_serials() */
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool have_key;

uint64_t
nh_serials(void)
{
	/* relaxed: hands out each stretch once; orders nothing. */
	return nh_add_relaxed(&serials, 1) * NH_SERIALS;
}

/* Let go of slots, given as bits. */
static void
put_slots(uint64_t bits)
{
	/* relaxed: read again by the exchange. */
	uint64_t old = nh_load_relaxed(&taken);

	/* order(slot): release, after what their owner did with them */
	while (!nh_cas_acqrel(&taken, &old, old & ~bits))
		;
}

/*
 * A later destructor of this thread may use a map again: it then gets a slot
 * anew, and pthreads calls this again.
 */
static void
thread_end(void *arg)
{
	(void)arg;
	if (nh_self.owned)
		put_slots(UINT64_C(1) << nh_self.slot);
	nh_self.owned = false;
	nh_self.ready = false;
}

static void
make_key(void)
{
	have_key = !pthread_key_create(&key, thread_end);
}

/* A free slot of one's own, or the shared one. */
static uint32_t
take_slot(void)
{
	/* relaxed: read again by the exchange. */
	uint64_t old = nh_load_relaxed(&taken);

	for (;;) {
		uint64_t bit = ~old & (old + 1);

		if (!bit || bit >> SHARED_SLOT)
			return SHARED_SLOT;
		/* order(slot): acquire, so the last owner's counts are seen */
		if (nh_cas_acqrel(&taken, &old, old | bit))
			return (uint32_t)__builtin_ctzll(bit);
	}
}

static void
give_up_slot(uint32_t slot)
{
	nh_self.slot = slot;
	nh_self.owned = true;
	thread_end(NULL);
	nh_self.slot = SHARED_SLOT;
}

void
nh_thread_begin(void)
{
	uint32_t slot;

	pthread_once(&once, make_key);
	slot = have_key ? take_slot() : SHARED_SLOT;
	nh_self.slot = slot;
	nh_self.ready = true;
	if (slot == SHARED_SLOT)
		return;
	/* Without a destructor nobody would hand the slot on. */
	if (pthread_setspecific(key, &nh_self)) {
		give_up_slot(slot);
		nh_self.ready = true;
		return;
	}
	nh_self.owned = true;
}

bool
nh_thread_borrow(uint32_t slot)
{
	uint64_t bit = UINT64_C(1) << slot;
	/* relaxed: read again by the exchange. */
	uint64_t old = nh_load_relaxed(&taken);

	while (slot != SHARED_SLOT && !(old & bit))
		/* order(slot): acquire, so what its last owner did is seen */
		if (nh_cas_acqrel(&taken, &old, old | bit))
			return true;
	return false;
}

void
nh_thread_give_back(uint32_t slot)
{
	put_slots(UINT64_C(1) << slot);
}
