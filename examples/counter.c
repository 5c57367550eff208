/*
 * counter.c - several threads count the words of a text in one map
 *
 * A word of up to eight letters is its own key: its bytes.
 */
#include <inttypes.h>
#include <numahash.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define THREADS 4
#define ROUNDS 1000 /* each thread reads the text so many times */
#define WORDS 23    /* in the text */

static const char text[] = "the sun was on the sea and the sea was all the "
			   "light that the sun and the day had for the sea";

static struct nh_u64 *counts;

static void *
count_words(void *arg)
{
	int *err = arg;

	for (int round = 0; round < ROUNDS; round++) {
		const char *word = text + strspn(text, " ");

		while (*word && !*err) {
			size_t len = strcspn(word, " ");
			uint64_t key = 0;

			memcpy(&key, word, len < 8 ? len : 8);
			*err = nh_u64_fetch_add(counts, key, 1, NULL);
			word += len;
			word += strspn(word, " ");
		}
	}
	return NULL;
}

static int
print_word(void *total, uint64_t key, uint64_t count)
{
	char word[9] = "";

	memcpy(word, &key, 8);
	printf("%8" PRIu64 "  %s\n", count, word);
	*(uint64_t *)total += count;
	return 0;
}

int
main(void)
{
	struct nh_cursor cursor = { 0 };
	pthread_t thread[THREADS];
	int err[THREADS] = { NH_OK };
	uint64_t total = 0;
	int failed = NH_OK;

	counts = nh_u64_create(NULL, &failed);
	if (!counts) {
		fprintf(stderr, "counter: %s\n", nh_strerror(failed));
		return 1;
	}
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, count_words, &err[i]))
			return 1;
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		failed = failed ? failed : err[i];
	}
	nh_u64_scan(counts, &cursor, print_word, &total);
	printf("%8" PRIu64 "  words, %" PRIu64 " different\n", total,
	       nh_u64_len(counts));
	nh_u64_destroy(counts);
	if (failed)
		fprintf(stderr, "counter: %s\n", nh_strerror(failed));
	return total == (uint64_t)THREADS * ROUNDS * WORDS ? 0 : 1;
}
