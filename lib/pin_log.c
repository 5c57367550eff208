/*
 * pin_log.c - who made which pin, when debugging
 *
 *	oldest <-> record <-> record (due) <-> newest
 *
 * What is before `due` has been complained about.
 */
#include "lib/pin_log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#if defined(__GLIBC__)
#include <execinfo.h>
#endif

#include "lib/assert.h"
#include "lib/tune.h"

#define FRAMES 16
#define OWN_FRAMES 8 /* of this library at most, before the caller's */
#define KEY_SHOWN 32
#define NAME_BYTES 16 /* pthread_getname_np(3) */
#define COMPLAINT 4096

struct record {
	struct record *older, *newer;
	uint64_t serial, ref;
	uint64_t made;	       /* ms of the monotonic clock */
	struct timespec since; /* the time of day */
	size_t value_len, key_len;
	unsigned char key[KEY_SHOWN];
	pid_t thread;
	char name[NAME_BYTES];
	int frames;
	void *frame[FRAMES];
};

struct nh_pin_log {
	const struct nh_pins *pins;
	pthread_mutex_t mutex;
	struct nh_u64 *records; /* by serial */
	struct record *oldest, *newest, *due;
	uint64_t serial; /* the last */
};

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* --------------------------------------------------------------------- text */

/* Text that is cut off at its room, and measured all the same. */
struct text {
	char *to;
	size_t room, len;
};

static void __attribute__((format(printf, 2, 3)))
say(struct text *t, const char *format, ...)
{
	size_t left = t->len < t->room ? t->room - t->len : 0;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(left ? t->to + t->len : NULL, left, format, args);
	va_end(args);
	t->len += n > 0 ? (size_t)n : 0;
}

static void
say_since(struct text *t, const struct timespec *since)
{
	char day[32] = "";
	struct tm tm;

	if (gmtime_r(&since->tv_sec, &tm))
		strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	say(t, "%s.%03ldZ", day, since->tv_nsec / 1000000);
}

static void
say_key(struct text *t, const struct record *r)
{
	size_t shown = r->key_len < KEY_SHOWN ? r->key_len : KEY_SHOWN;

	say(t, "\"");
	for (size_t i = 0; i < shown; i++) {
		bool plain = r->key[i] >= ' ' && r->key[i] <= '~' &&
			     r->key[i] != '"' && r->key[i] != '\\';

		say(t, plain ? "%c" : "\\x%02x", r->key[i]);
	}
	say(t, "\"%s", shown < r->key_len ? "..." : "");
}

static void
say_frames(struct text *t, const struct record *r)
{
	char **symbols = NULL;

#if defined(__GLIBC__)
	if (r->frames)
		symbols = backtrace_symbols(r->frame, r->frames);
#endif
	for (int i = 0; i < r->frames; i++) {
		if (symbols)
			say(t, "    %s\n", symbols[i]);
		else
			say(t, "    [%p]\n", r->frame[i]);
	}
	free(symbols);
}

static void
say_record(struct text *t, const struct nh_pin_log *log, const struct record *r,
	   uint64_t now)
{
	say(t, "pin held for %llu ms, since ",
	    (unsigned long long)(now - r->made));
	say_since(t, &r->since);
	say(t, ", by thread %ld (%s)\n  key ", (long)r->thread, r->name);
	say_key(t, r);
	say(t, " of %zu bytes, value of %zu bytes%s\n", r->key_len,
	    r->value_len,
	    nh_pins_has_orphan(log->pins, r->ref)
		    ? ", overwritten or deleted since"
		    : "");
	say_frames(t, r);
}

size_t
nh_pin_log_text(struct nh_pin_log *log, uint64_t min_age_ms, char *text,
		size_t size)
{
	struct text t = { text, size, 0 };
	uint64_t now;

	pthread_mutex_lock(&log->mutex);
	now = now_ms();
	for (const struct record *r = log->oldest; r; r = r->newer) {
		if (now - r->made < min_age_ms)
			break; /* and so are all behind it */
		say_record(&t, log, r, now);
	}
	pthread_mutex_unlock(&log->mutex);
	return t.len;
}

/* --------------------------------------------------------------- complaints */

/* Mutex held, or no other thread. */
static void
complain(const struct nh_pin_log *log, const struct record *r, const char *why)
{
	static const char cut[] = "...\n";
	char buffer[COMPLAINT];
	struct text t = { buffer, sizeof(buffer), 0 };

	say(&t, "numahash: %s: ", why);
	say_record(&t, log, r, now_ms());
	if (t.len >= sizeof(buffer))
		memcpy(buffer + sizeof(buffer) - sizeof(cut), cut, sizeof(cut));
	nh_complain(buffer);
}

/* Of those that have become too old.  Mutex held. */
static void
complain_due(struct nh_pin_log *log)
{
	uint64_t most = log->pins->age_ms;

	if (!most || nh_tune_quiet())
		return;
	while (log->due && now_ms() - log->due->made >= most) {
		complain(log, log->due, "held for too long");
		log->due = log->due->newer;
	}
}

void
nh_pin_log_complain(struct nh_pin_log *log)
{
	if (nh_tune_quiet())
		return;
	for (const struct record *r = log->oldest; r; r = r->newer)
		complain(log, r, "left when the map was destroyed");
}

/* ------------------------------------------------------------------ records */

/* Mutex held. */
static void
link_newest(struct nh_pin_log *log, struct record *r)
{
	r->older = log->newest;
	r->newer = NULL;
	if (log->newest)
		log->newest->newer = r;
	else
		log->oldest = r;
	log->newest = r;
	if (!log->due)
		log->due = r;
}

/* Mutex held. */
static void
unlink_record(struct nh_pin_log *log, struct record *r)
{
	if (log->due == r)
		log->due = r->newer;
	if (r->older)
		r->older->newer = r->newer;
	else
		log->oldest = r->newer;
	if (r->newer)
		r->newer->older = r->older;
	else
		log->newest = r->older;
}

/* The calls from the caller of this library on. */
static void
record_frames(struct record *r, const void *caller)
{
#if defined(__GLIBC__)
	void *frame[OWN_FRAMES + FRAMES];
	int n = backtrace(frame, OWN_FRAMES + FRAMES);
	int from = 0;

	while (from < n && frame[from] != caller)
		from++;
	if (from == n)
		from = 0; /* not unwound as compiled: show all */
	r->frames = n - from < FRAMES ? n - from : FRAMES;
	memcpy(r->frame, frame + from, (size_t)r->frames * sizeof(*frame));
#else
	(void)caller;
	r->frames = 0;
#endif
}

static struct record *
record_make(const struct nh_bytes *key, const struct nh_pin *pin,
	    const void *caller)
{
	struct record *r = malloc(sizeof(*r));

	if (!r)
		return NULL;
	r->ref = pin->own[0];
	r->value_len = pin->len;
	r->key_len = key->len;
	memcpy(r->key, key->data, key->len < KEY_SHOWN ? key->len : KEY_SHOWN);
	r->thread = gettid();
	if (pthread_getname_np(pthread_self(), r->name, sizeof(r->name)))
		r->name[0] = '\0';
	record_frames(r, caller);
	return r;
}

int
nh_pin_log_add(struct nh_pin_log *log, const struct nh_bytes *key,
	       const struct nh_pin *pin, const void *caller, uint64_t *serial)
{
	struct record *r = record_make(key, pin, caller);
	int err;

	if (!r)
		return NH_ERR_NOMEM;
	pthread_mutex_lock(&log->mutex);
	complain_due(log);
	r->serial = ++log->serial;
	r->made = now_ms();
	clock_gettime(CLOCK_REALTIME, &r->since);
	err = nh_u64_put(log->records, r->serial, (uintptr_t)r);
	if (!err) {
		link_newest(log, r);
		*serial = r->serial;
	}
	pthread_mutex_unlock(&log->mutex);
	if (err)
		free(r);
	return err;
}

int
nh_pin_log_remove(struct nh_pin_log *log, uint64_t serial, uint64_t ref)
{
	struct record *r = NULL;
	uint64_t found;

	pthread_mutex_lock(&log->mutex);
	complain_due(log);
	if (!nh_u64_get(log->records, serial, &found))
		r = (struct record *)(uintptr_t)found;
	if (r && r->ref != ref)
		r = NULL;
	if (r) {
		nh_u64_delete(log->records, serial);
		unlink_record(log, r);
	}
	pthread_mutex_unlock(&log->mutex);
	free(r);
	return r ? NH_OK : NH_ERR_ARG;
}

uint64_t
nh_pin_log_oldest_ms(struct nh_pin_log *log)
{
	uint64_t age = 0;

	pthread_mutex_lock(&log->mutex);
	if (log->oldest)
		age = now_ms() - log->oldest->made;
	pthread_mutex_unlock(&log->mutex);
	return age;
}

/* ------------------------------------------------------------------ the log */

struct nh_pin_log *
nh_pin_log_create(const struct nh_pins *pins, int *err)
{
	struct nh_pin_log *log = calloc(1, sizeof(*log));

	if (!log) {
		*err = NH_ERR_NOMEM;
		return NULL;
	}
	log->pins = pins;
	log->records = nh_pins_table(pins, err);
	if (!log->records) {
		free(log);
		return NULL;
	}
	pthread_mutex_init(&log->mutex, NULL);
	return log;
}

void
nh_pin_log_destroy(struct nh_pin_log *log)
{
	struct record *newer;

	for (struct record *r = log->oldest; r; r = newer) {
		newer = r->newer;
		free(r);
	}
	nh_u64_destroy(log->records);
	pthread_mutex_destroy(&log->mutex);
	free(log);
}
