/*
 * filter.c - a kernel that refuses
 */
#include "tests/hostile/filter.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RULES_MAX 16
#define STEPS 5 /* of a rule */

#define THIRD_ARGUMENT                                      \
	((unsigned)offsetof(struct seccomp_data, args[2]) + \
	 (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0))

static struct sock_filter
step(unsigned code, unsigned k, unsigned char yes, unsigned char no)
{
	return (struct sock_filter){ (unsigned short)code, yes, no, k };
}

/* Each one begins with the number of the call. */
static size_t
add_rule(struct sock_filter *at, const struct filter_rule *rule)
{
	bool any = rule->advice == FILTER_ANY;

	at[0] = step(BPF_LD | BPF_W | BPF_ABS,
		     offsetof(struct seccomp_data, nr), 0, 0);
	at[1] = step(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)rule->call,
		     any ? 2 : 0, 3);
	at[2] = step(BPF_LD | BPF_W | BPF_ABS, THIRD_ARGUMENT, 0, 0);
	at[3] = step(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)rule->advice, 0, 1);
	at[4] = step(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)rule->error,
		     0, 0);
	return STEPS;
}

bool
filter_install(const struct filter_rule *rules, size_t count)
{
	struct sock_filter code[RULES_MAX * STEPS + 1];
	struct sock_fprog program = { .filter = code };
	size_t n = 0;

	for (size_t i = 0; i < count && i < RULES_MAX; i++)
		n += add_rule(code + n, &rules[i]);
	code[n++] = step(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	program.len = (unsigned short)n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return false;
	return !syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

/* What Docker's profile wants CAP_SYS_NICE for, or does not list. */
bool
filter_numa(int error)
{
	const struct filter_rule rules[] = {
		{ SYS_mbind, error, FILTER_ANY },
		{ SYS_set_mempolicy, error, FILTER_ANY },
		{ SYS_get_mempolicy, error, FILTER_ANY },
		{ SYS_move_pages, error, FILTER_ANY },
		{ SYS_migrate_pages, error, FILTER_ANY },
#ifdef SYS_set_mempolicy_home_node
		{ SYS_set_mempolicy_home_node, error, FILTER_ANY },
#endif
	};

	return filter_install(rules, sizeof(rules) / sizeof(rules[0]));
}
