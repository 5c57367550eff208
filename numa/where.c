/*
 * where.c - on which node pages really are, by asking the kernel
 *
 *	range  -> stretches that are there, huge or not	 (pagemap, or mincore)
 *	       -> a page of each, in batches		 (move_pages, or ...)
 *
 * A huge page is asked for once, so what takes long is memory in small pages.
 */
#include "numa/where.h"

#include <errno.h>
#include <fcntl.h>
#include <numahash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "numa/bind.h"
#include "numa/mem.h"

#define BATCH 512
#define REGIONS 256

struct where {
	uint64_t *bytes_on, *huge_bytes, *unknown;
	uintptr_t from, to; /* nothing outside counts */
	int err;
	uint64_t present; /* bytes that were found there */
	size_t n;
	void *page[BATCH];
	size_t bytes[BATCH];
	int os_node[BATCH];
};

/* ------------------------------------------------------------- which node */

/* A page that has gone meanwhile, or is the one of zeros, is nowhere. */
static void
add_answer(struct where *w, size_t i)
{
	int os_node = w->os_node[i];
	int node = os_node < 0 ? -1 : nh_topo_node_of_os(os_node);

	if (os_node == -ENOENT || os_node == -EFAULT)
		return;
	*(node < 0 ? w->unknown : &w->bytes_on[node]) += w->bytes[i];
}

static void
ask_one_by_one(struct where *w)
{
	for (size_t i = 0; i < w->n; i++) {
		w->os_node[i] = nh_bind_look_at(w->page[i]);
		if (w->os_node[i] < 0) {
			w->os_node[i] = -EPERM;
			w->err = NH_ERR_SYSTEM;
		}
	}
}

static void
flush(struct where *w)
{
	if (nh_topo_fake())
		for (size_t i = 0; i < w->n; i++)
			w->os_node[i] = -EPERM;
	else if (w->n && nh_bind_look(w->page, w->os_node, w->n))
		ask_one_by_one(w);
	for (size_t i = 0; i < w->n; i++)
		add_answer(w, i);
	w->n = 0;
}

/* One page that is there, less what lies outside of the range. */
static void
add_page(struct where *w, uintptr_t page, size_t size)
{
	uintptr_t from = page > w->from ? page : w->from;
	uintptr_t to = page + size < w->to ? page + size : w->to;

	if (from >= to)
		return;
	w->page[w->n] = (void *)page;
	w->bytes[w->n] = to - from;
	w->present += to - from;
	if (size == NH_HUGE_PAGE)
		*w->huge_bytes += to - from;
	if (++w->n == BATCH)
		flush(w);
}

/* ---------------------------------------------------------- what is there */

/* As in linux/fs.h from 6.7, which may be newer than the headers here. */
struct scan_region {
	uint64_t start, end, categories;
};
struct scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask;
	uint64_t return_mask;
};
#define SCAN _IOWR('f', 16, struct scan_arg)
#define SCAN_PRESENT (UINT64_C(1) << 3)
#define SCAN_HUGE (UINT64_C(1) << 6)

/* False: the kernel does not know of that, or pagemap is closed to us. */
static bool
scan_open(int *fd)
{
	*fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	return *fd >= 0;
}

static struct scan_arg
scan_of(uintptr_t from, uintptr_t to, struct scan_region *region, size_t n)
{
	return (struct scan_arg){
		.size = sizeof(struct scan_arg),
		.start = from / NH_SMALL_PAGE * NH_SMALL_PAGE,
		.end = (to + NH_SMALL_PAGE - 1) / NH_SMALL_PAGE * NH_SMALL_PAGE,
		.vec = (uintptr_t)region,
		.vec_len = n,
		.category_mask = SCAN_PRESENT,
		.return_mask = SCAN_PRESENT | SCAN_HUGE,
	};
}

static void
add_region(struct where *w, const struct scan_region *r)
{
	size_t size = r->categories & SCAN_HUGE ? NH_HUGE_PAGE : NH_SMALL_PAGE;
	uintptr_t page = (uintptr_t)r->start / size * size;

	for (; page < r->end; page += size)
		add_page(w, page, size);
}

static bool
scan(struct where *w, int fd)
{
	struct scan_region region[REGIONS];
	struct scan_arg arg = scan_of(w->from, w->to, region, REGIONS);

	while (arg.start < arg.end) {
		int n = ioctl(fd, SCAN, &arg);

		if (n < 0)
			return false;
		for (int i = 0; i < n; i++)
			add_region(w, &region[i]);
		arg.start = arg.walk_end;
	}
	return true;
}

enum nh_huge
nh_huge_at(const void *p)
{
	struct scan_region r[1];
	uintptr_t at = (uintptr_t)p;
	struct scan_arg arg = scan_of(at, at + NH_HUGE_PAGE, r, 1);
	int fd, n;

	if (!scan_open(&fd))
		return NH_HUGE_UNKNOWN;
	n = ioctl(fd, SCAN, &arg);
	close(fd);
	if (n < 0)
		return NH_HUGE_UNKNOWN;
	if (n && r[0].categories & SCAN_HUGE)
		return NH_HUGE_IS;
	return n && r[0].end - r[0].start == NH_HUGE_PAGE ? NH_HUGE_NOT
							  : NH_HUGE_PARTLY;
}

/* Small pages all, as far as this can tell. */
static void
walk(struct where *w)
{
	unsigned char there[BATCH];
	uintptr_t at = w->from / NH_SMALL_PAGE * NH_SMALL_PAGE;

	while (at < w->to) {
		size_t n = (w->to - at + NH_SMALL_PAGE - 1) / NH_SMALL_PAGE;

		n = n < BATCH ? n : BATCH;
		if (!mincore((void *)at, n * NH_SMALL_PAGE, there))
			for (size_t i = 0; i < n; i++)
				if (there[i] & 1)
					add_page(w, at + i * NH_SMALL_PAGE,
						 NH_SMALL_PAGE);
		at += n * NH_SMALL_PAGE;
	}
}

/* ---------------------------------------------- huge pages by /proc/self/smaps
 */

/* Of the mappings that the range meets, in KiB. */
struct share {
	bool meets; /* does the one that is read now? */
	uint64_t huge, there;
};

static uint64_t
kib_of(const char *line, const char *name)
{
	size_t length = strlen(name);

	return strncmp(line, name, length) ? 0
					   : strtoull(line + length, NULL, 10);
}

static void
read_smaps_line(const struct where *w, struct share *s, const char *line)
{
	char *end;
	uintptr_t start = strtoull(line, &end, 16);
	uint64_t pool;

	if (end != line && *end == '-') {
		s->meets =
			start < w->to && strtoull(end + 1, NULL, 16) > w->from;
		return;
	}
	if (!s->meets)
		return;
	pool = kib_of(line, "Private_Hugetlb:");
	s->huge += kib_of(line, "AnonHugePages:") + pool;
	/* What is of the pool is not in Rss. */
	s->there += kib_of(line, "Rss:") + pool;
}

/* As large a share of the range is huge as of the mappings it is in. */
static void
read_smaps(struct where *w)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	struct share s = { .meets = false };
	char line[512];

	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		read_smaps_line(w, &s, line);
	fclose(f);
	if (s.there)
		*w->huge_bytes += (uint64_t)((double)w->present *
					     (double)s.huge / (double)s.there);
}

int
nh_where(const void *base, size_t bytes, uint64_t bytes_on[NH_NODES_MAX],
	 uint64_t *huge_bytes, uint64_t *unknown)
{
	struct where w = {
		.bytes_on = bytes_on,
		.huge_bytes = huge_bytes,
		.unknown = unknown,
		.from = (uintptr_t)base,
		.to = (uintptr_t)base + bytes,
	};
	bool scanned = false;
	int fd;

	if (scan_open(&fd)) {
		scanned = scan(&w, fd);
		close(fd);
	}
	if (!scanned) {
		walk(&w);
		read_smaps(&w);
	}
	flush(&w);
	return w.err;
}
