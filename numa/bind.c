/*
 * bind.c - which node memory comes from: the only caller of mbind and its kin
 */
#include "numa/bind.h"

#include <errno.h>
#include <limits.h>
#include <numahash.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "numa/mem.h"
#include "numa/topo.h"
#include "numa/without.h"

#if !defined(NH_NO_NUMA) && defined(SYS_mbind) && __has_include(<linux/mempolicy.h>)
#include <linux/mempolicy.h>

#define OS_NODES 1024
#define MASK_WORDS (OS_NODES / (8 * sizeof(long)))
#define MASK_BITS (OS_NODES + 1) /* the kernel takes one off */

struct mask {
	unsigned long word[MASK_WORDS];
};

static struct mask
mask_of(int os_node)
{
	struct mask mask = { { 0 } };
	size_t bits = 8 * sizeof(long);

	mask.word[(size_t)os_node / bits] = 1ul << (size_t)os_node % bits;
	return mask;
}

static int
sys_bind(void *p, size_t bytes, int os_node, enum nh_bind_how how)
{
	int mode = how == NH_BIND_STRICT ? MPOL_BIND : MPOL_PREFERRED;
	struct mask mask = mask_of(os_node);

	/* Static: a cpuset that moves must not make it another node. */
	mode |= MPOL_F_STATIC_NODES;
	return (int)syscall(SYS_mbind, p, bytes, mode, mask.word, MASK_BITS, 0);
}

/*
 * What the kernel now holds for this address.  True if that is the node, or
 * if it will not tell.
 */
static bool
took_it(void *p, int os_node)
{
	struct mask want = mask_of(os_node), mask = { { 0 } };
	int mode;

	if (syscall(SYS_get_mempolicy, &mode, mask.word, MASK_BITS, p,
		    MPOL_F_ADDR))
		return true;
	return !memcmp(&want, &mask, sizeof(mask));
}

static int
sys_look(void *const *pages, int *os_node, size_t n)
{
	return (int)syscall(SYS_move_pages, 0, n, pages, NULL, os_node, 0);
}

int
nh_bind_look_at(const void *p)
{
	int os_node;

	if (syscall(SYS_get_mempolicy, &os_node, NULL, 0, p,
		    MPOL_F_NODE | MPOL_F_ADDR))
		return -1;
	return os_node;
}

#else

static int
sys_bind(void *p, size_t bytes, int os_node, enum nh_bind_how how)
{
	(void)p, (void)bytes, (void)os_node, (void)how;
	errno = ENOSYS;
	return -1;
}

static bool
took_it(void *p, int os_node)
{
	(void)p, (void)os_node;
	return true;
}

static int
sys_look(void *const *pages, int *os_node, size_t n)
{
	(void)pages, (void)os_node, (void)n;
	errno = ENOSYS;
	return -1;
}

int
nh_bind_look_at(const void *p)
{
	(void)p;
	return -1;
}

#endif

int
nh_bind(void *p, size_t bytes, unsigned node, enum nh_bind_how how)
{
	int os_node = nh_topo_os_node(node);

	if (nh_topo_fake())
		return NH_OK;
	if (os_node < 0 || sys_bind(p, bytes, os_node, how)) {
		nh_without(NH_WITHOUT_BIND, os_node < 0 ? EINVAL : errno);
		return NH_ERR_SYSTEM;
	}
	if (!took_it(p, os_node))
		nh_without(NH_WITHOUT_BOUND, 0);
	return NH_OK;
}

static const char *lacks;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* A page's worth of address space, which nobody touches. */
static void
try_to_bind(void)
{
	struct nh_range page;

	if (nh_topo_fake()) {
		lacks = "the nodes are not real";
		return;
	}
	if (nh_mem_map(&page, NH_SMALL_PAGE, NH_PAGES_SMALL, 0))
		return;
	nh_mem_unmap(&page);
	switch (nh_without_errno(NH_WITHOUT_BIND)) {
	case 0:
		break;
	case ENOSYS:
		lacks = "the kernel has no NUMA, or this build";
		break;
	case EPERM:
		lacks = "it is not permitted";
		break;
	default:
		lacks = "the kernel refuses";
	}
}

const char *
nh_bind_lacks(void)
{
	pthread_once(&once, try_to_bind);
	return lacks;
}

int
nh_bind_look(void *const *pages, int *os_node, size_t n)
{
	return sys_look(pages, os_node, n) ? NH_ERR_SYSTEM : NH_OK;
}
