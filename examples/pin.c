/*
 * pin.c - send a page from where it lies, while others replace it
 *
 * A server keeps pages in a map.  Whoever answers a request pins the page: it
 * can take as long as the client does, without a copy of its own, and the page
 * may be published anew meanwhile.
 */
#include <inttypes.h>
#include <numahash.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENDERS 3
#define EDITIONS 200
#define PAGE_BYTES 100000

static struct nh_map *pages;

/* A page is one character all over, so that a mixed one would be noticed. */
static int
publish(unsigned edition)
{
	char *page = malloc(PAGE_BYTES);
	int err = NH_ERR_NOMEM;

	if (page) {
		memset(page, 'a' + (int)(edition % 26), PAGE_BYTES);
		err = nh_map_put(pages, "/index", 6, page, PAGE_BYTES);
	}
	free(page);
	return err;
}

/* "Sends" it byte by byte; false when it changed on the way. */
static bool
send_page(const struct nh_pin *page)
{
	const char *byte = page->value;

	for (size_t i = 1; i < page->len; i++)
		if (byte[i] != byte[0])
			return false;
	return page->len == PAGE_BYTES;
}

static void *
serve(void *arg)
{
	bool *good = arg;
	struct nh_pin page;

	for (unsigned i = 0; i < EDITIONS && *good; i++) {
		if (nh_pin(pages, "/index", 6, &page)) {
			*good = false;
			break;
		}
		*good = send_page(&page);
		nh_unpin(pages, &page);
	}
	return NULL;
}

static int
run(void)
{
	struct nh_stats stats = { .size = sizeof(stats) };
	bool good[SENDERS] = { true, true, true };
	pthread_t thread[SENDERS];
	int err = publish(0);

	for (int i = 0; i < SENDERS; i++)
		if (pthread_create(&thread[i], NULL, serve, &good[i]))
			return 1;
	for (unsigned i = 1; i < EDITIONS && !err; i++)
		err = publish(i);
	for (int i = 0; i < SENDERS; i++) {
		pthread_join(thread[i], NULL);
		err = good[i] ? err : 1;
	}
	nh_map_stats(pages, &stats);
	printf("%u editions, %" PRIu64 " pins and %" PRIu64 " orphans left\n",
	       EDITIONS, stats.pins, stats.orphans);
	return err || stats.pins || stats.orphans;
}

int
main(void)
{
	int err = NH_OK;

	pages = nh_map_create(NULL, &err);
	if (!pages) {
		fprintf(stderr, "pin: %s\n", nh_strerror(err));
		return 1;
	}
	err = run();
	nh_map_destroy(pages);
	return err;
}
