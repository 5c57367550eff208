/*
 * topo_hwloc.c - the nodes as hwloc has them: the only user of that library
 *
 * It is not linked but loaded, when nodes are looked for: so a program needs no
 * flag more to link numahash, and one that was built where hwloc is also runs
 * where it is not.
 */
#include "numa/topo_find.h"

#ifdef NH_HWLOC

#include <dlfcn.h>
#include <hwloc.h>
#include <hwloc/distances.h>
#include <string.h>

/* Of the major version that the header is of. */
#define HWLOC_SONAME "libhwloc.so.15"

#if HWLOC_API_VERSION < 0x00020100 || HWLOC_API_VERSION >= 0x00030000
#error "hwloc from 2.1 and before 3 is wanted: build with HWLOC=no"
#endif

#define FUNCTIONS(X)                     \
	X(topology_init)                 \
	X(topology_load)                 \
	X(topology_set_components)       \
	X(topology_destroy)              \
	X(topology_is_thissystem)        \
	X(topology_get_complete_nodeset) \
	X(get_nbobjs_by_depth)           \
	X(get_obj_by_depth)              \
	X(bitmap_first)                  \
	X(bitmap_next)                   \
	X(bitmap_weight)                 \
	X(distances_get_by_type)         \
	X(distances_release)

struct hwloc {
#define FIELD(name) __typeof__(hwloc_##name) *name;
	FUNCTIONS(FIELD)
#undef FIELD
};

static bool
load(void *library, struct hwloc *h)
{
	/* Through void **, as POSIX says: ISO C has no such cast. */
#define LOOK_UP(name)                                        \
	*(void **)&h->name = dlsym(library, "hwloc_" #name); \
	if (!h->name)                                        \
		return false;
	FUNCTIONS(LOOK_UP)
#undef LOOK_UP
	return true;
}

static void
add_cpus(const struct hwloc *h, struct nh_found *f, int16_t place,
	 hwloc_const_bitmap_t cpus)
{
	int cpu;

	if (!cpus)
		return;
	for (cpu = h->bitmap_first(cpus); cpu >= 0 && cpu < NH_TOPO_CPUS;
	     cpu = h->bitmap_next(cpus, cpu))
		if (f->of_cpu[cpu] < 0)
			f->of_cpu[cpu] = place;
}

static void
add_sizes(struct nh_found_node *node, const struct hwloc_numanode_attr_s *attr)
{
	unsigned n = 0;

	node->bytes = attr->local_memory;
	for (unsigned i = 0; i < attr->page_types_len; i++)
		if (attr->page_types[i].size > 65536 && n < NH_HUGE_SIZES_MAX)
			node->huge[n++] = attr->page_types[i].size;
}

/*
 * Memory is near processors that have none of their own, in hwloc's books: so
 * nodes with the same processors are taken in the order of their numbers, and
 * the first has them.
 */
static void
add_nodes(const struct hwloc *h, hwloc_topology_t topology, struct nh_found *f)
{
	unsigned n =
		h->get_nbobjs_by_depth(topology, HWLOC_TYPE_DEPTH_NUMANODE);

	for (unsigned os = 0; os < NH_OS_NODES; os++)
		for (unsigned i = 0; i < n; i++) {
			hwloc_obj_t o = h->get_obj_by_depth(
				topology, HWLOC_TYPE_DEPTH_NUMANODE, i);
			struct nh_found_node *node;

			if (o->os_index != os)
				continue;
			node = nh_found_add(f, (int)os);
			if (!node)
				continue;
			node->allowed = true;
			add_sizes(node, &o->attr->numanode);
			add_cpus(h, f, (int16_t)(node - f->node), o->cpuset);
		}
}

static void
add_matrix(struct nh_found *f, const struct hwloc_distances_s *d)
{
	for (unsigned i = 0; i < d->nbobjs * d->nbobjs; i++) {
		int a = nh_found_place(f,
				       (int)d->objs[i / d->nbobjs]->os_index);
		int b = nh_found_place(f,
				       (int)d->objs[i % d->nbobjs]->os_index);
		uint64_t v = d->values[i];

		if (a >= 0 && b >= 0)
			f->distance[a][b] = (uint8_t)(v < 255 ? v : 255);
	}
}

static void
add_distances(const struct hwloc *h, hwloc_topology_t topology,
	      struct nh_found *f)
{
	struct hwloc_distances_s *d[4];
	unsigned n = 4;

	if (h->distances_get_by_type(topology, HWLOC_OBJ_NUMANODE, &n, d,
				     HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0))
		return;
	for (unsigned i = 0; i < n && i < 4; i++) {
		add_matrix(f, d[i]);
		h->distances_release(topology, d[i]);
	}
}

static bool
ask(const struct hwloc *h, struct nh_found *f)
{
	hwloc_topology_t topology;
	int all;

	if (h->topology_init(&topology))
		return false;
	/*
	 * It would send this thread from processor to processor, to ask each
	 * one; the kernel has what is wanted here.
	 */
	h->topology_set_components(
		topology, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, "x86");
	if (h->topology_load(topology)) {
		h->topology_destroy(topology);
		return false;
	}
	add_nodes(h, topology, f);
	add_distances(h, topology, f);
	f->this_system = h->topology_is_thissystem(topology);
	all = h->bitmap_weight(h->topology_get_complete_nodeset(topology));
	if (all > (int)f->nodes)
		f->not_allowed = (unsigned)all - f->nodes;
	h->topology_destroy(topology);
	return f->nodes > 0;
}

bool
nh_topo_ask_hwloc(struct nh_found *f, const char **lacks)
{
	void *library = dlopen(HWLOC_SONAME, RTLD_NOW | RTLD_LOCAL);
	struct hwloc h;
	bool good = false;

	nh_found_clear(f);
	*lacks = "hwloc is not installed here";
	if (!library)
		return false;
	*lacks = "hwloc has no answer";
	if (load(library, &h))
		good = ask(&h, f);
	if (good)
		*lacks = NULL;
	dlclose(library);
	return good;
}

#else

bool
nh_topo_ask_hwloc(struct nh_found *f, const char **lacks)
{
	nh_found_clear(f);
	*lacks = "built without hwloc";
	return false;
}

#endif
