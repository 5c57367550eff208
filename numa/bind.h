/*
 * bind.h - which node memory comes from: the only caller of mbind and its kin
 *
 * The system calls are made as they are: libnuma says that binding is there
 * where a filter refuses it, and writes to standard error (2.0.16).  A build
 * with NH_NO_NUMA, or a kernel or a sandbox that refuses, is "NUMA off": pages
 * are where they are first touched, or wherever.
 */
#ifndef NH_NUMA_BIND_H
#define NH_NUMA_BIND_H

#include <stdbool.h>
#include <stddef.h>

enum nh_bind_how {
	NH_BIND_PREFER, /* the nearest other node when this one is full */
	NH_BIND_STRICT, /* a fault there fails rather: for pool pages */
};

/*
 * nh_bind - have pages of [p, p + bytes) that come from now on be on a node
 *
 * Page-aligned, not touched yet.  NH_OK too where nodes are faked.  Then the
 * kernel was asked whether it took the order as it was given: masks are known
 * to be trimmed silently.  NH_ERR_SYSTEM: refused, counted; the memory is as
 * good as it was.  Any thread.
 */
int nh_bind(void *p, size_t bytes, unsigned node, enum nh_bind_how how);

/*
 * nh_bind_works - is memory bound here?  Any thread.
 *
 * The first call tries it.  NULL: yes.  Else why not.
 */
const char *nh_bind_lacks(void);

/*
 * nh_bind_look - the kernel's node of each page, or a negative errno
 *
 * NH_ERR_SYSTEM when the call is refused; nothing is counted.  Any thread.
 */
int nh_bind_look(void *const *pages, int *os_node, size_t n);

/*
 * nh_bind_look_at - the same of one page that is there: -1 when refused
 *
 * A page that is not there is faulted in: ask mincore(2) first.  Any thread.
 */
int nh_bind_look_at(const void *p);

#endif
