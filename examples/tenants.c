/*
 * tenants.c - the keys of a tenant's product line lie together, and where may
 *be changed while the map is in use
 *
 *	key	tenant:line:item	"acme:books:17"
 *	rule	segment = hash(version, "tenant:line")
 *
 * Which tenants share a segment is luck; when the luck is bad, the next version
 * of the rule deals them out anew.
 */
#include <inttypes.h>
#include <numahash.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define ITEMS 2000
#define SEGMENTS 256
#define NAME_MOST 48

static const char *const owners[] = {
	"acme:books", "acme:tools", "bolt:bikes", "bolt:parts", "coco:candy",
};
#define OWNERS (sizeof(owners) / sizeof(*owners))

/* A version of the rule.  All stay as they are while the map lives. */
struct rule {
	uint64_t version;
};
static struct rule rules[] = { { 1 }, { 2 } };

static struct nh_map *map;

/* FNV-1a of what comes before the second colon, salted with the version. */
static unsigned
segment_of(void *arg, const void *key, size_t len)
{
	const struct rule *rule = arg;
	const unsigned char *bytes = key;
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ rule->version;
	unsigned colons = 0;

	for (size_t i = 0; i < len; i++) {
		colons += bytes[i] == ':';
		if (colons == 2)
			break;
		h = (h ^ bytes[i]) * UINT64_C(0x100000001b3);
	}
	return (unsigned)(h >> 32) % SEGMENTS;
}

static size_t
name_of(char *name, const char *owner, unsigned item)
{
	return (size_t)snprintf(name, NAME_MOST, "%s:%u", owner, item);
}

static int
fill(void)
{
	char name[NAME_MOST];
	int err = NH_OK;

	for (size_t i = 0; i < OWNERS && !err; i++)
		for (unsigned k = 0; k < ITEMS && !err; k++)
			err = nh_map_put(map, name, name_of(name, owners[i], k),
					 &k, sizeof(k));
	return err;
}

/* How many entries each segment has, and whose it is. */
static int
show(const struct rule *rule)
{
	struct nh_segment_stats stats = { .size = sizeof(stats) };

	printf("version %" PRIu64 "\n", rule->version);
	for (size_t i = 0; i < OWNERS; i++) {
		unsigned segment =
			segment_of((void *)rule, owners[i], strlen(owners[i]));
		int err = nh_map_segment_stats(map, segment, &stats);

		if (err)
			return err;
		printf("  %s: segment %3u, %" PRIu64 " entries in %" PRIu64
		       " KiB\n",
		       owners[i], segment, stats.entries,
		       stats.table_bytes / 1024);
	}
	return NH_OK;
}

/* A service that goes on meanwhile: all keys are found all the time. */
static void *
serve(void *missing)
{
	char name[NAME_MOST];

	for (unsigned k = 0; k < ITEMS; k++)
		for (size_t i = 0; i < OWNERS; i++) {
			unsigned value;
			size_t len = sizeof(value);

			if (nh_map_get(map, name, name_of(name, owners[i], k),
				       &value, &len) ||
			    value != k)
				++*(unsigned *)missing;
		}
	return NULL;
}

static int
next_version(void)
{
	unsigned missing = 0;
	pthread_t thread;
	int err;

	if (pthread_create(&thread, NULL, serve, &missing))
		return NH_ERR_SYSTEM;
	err = nh_map_reshard(map, segment_of, &rules[1]);
	pthread_join(thread, NULL);
	printf("moved; %u of %u keys were missing meanwhile\n", missing,
	       (unsigned)OWNERS * ITEMS);
	return missing ? NH_ERR_NOTFOUND : err;
}

int
main(void)
{
	struct nh_config config;
	int err = NH_OK;

	nh_config_init(&config);
	config.fixed = false;
	config.segment = segment_of;
	config.segment_arg = &rules[0];
	map = nh_map_create(&config, &err);
	if (map)
		err = fill();
	if (!err)
		err = show(&rules[0]);
	if (!err)
		err = next_version();
	if (!err)
		err = show(&rules[1]);
	if (err)
		fprintf(stderr, "tenants: %s\n", nh_strerror(err));
	nh_map_destroy(map);
	return err ? 1 : 0;
}
