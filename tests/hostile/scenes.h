/*
 * scenes.h - systems that refuse, one after the other
 */
#ifndef NH_TESTS_SCENES_H
#define NH_TESTS_SCENES_H

#include <stdbool.h>
#include <stddef.h>

#define SCENE_NONE (-1)

struct scene {
	const char *name;
	/*
	 * In a process of its own, before the library is used: make it so.
	 * NULL, or why that cannot be done here.
	 */
	const char *(*prepare)(void);
	/* What maps then do, and what the library says afterwards. */
	void (*live)(void);
	/* The line it says once with NUMAHASH_VERBOSE=1; NULL: none is known */
	const char *told;
	const char *variable; /* NAME=VALUE, or NULL */
	/* Pages in the host's pool: so many, SCENE_NONE; 0: as they are. */
	long pool, giants;
	bool cpuset;	   /* with a cpuset made for it */
	bool no_sanitizer; /* which would break the limit by itself */
};

extern const struct scene scenes[];
extern const size_t scenes_count;

/* An empty directory, for a scene that locks itself in. */
extern char scene_empty[];

#endif
