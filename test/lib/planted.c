// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bugs, one for each detector of a debug kernel: see selftest-debug.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static char *bug = "";
module_param(bug, charp, 0444);

static DEFINE_SPINLOCK(nf_vpn_planted_a);
static DEFINE_SPINLOCK(nf_vpn_planted_b);
static int __rcu *nf_vpn_planted_pointer;
static unsigned long nf_vpn_planted_counter;

static void nf_vpn_planted_sleep(void)
{
	spin_lock(&nf_vpn_planted_a);
	msleep(20);
	spin_unlock(&nf_vpn_planted_a);
}

static void nf_vpn_planted_lock(spinlock_t *first, spinlock_t *second)
{
	spin_lock(first);
	spin_lock(second);
	spin_unlock(second);
	spin_unlock(first);
}

static void nf_vpn_planted_leak(void)
{
	char *p = kmalloc(100, GFP_KERNEL);

	if (p)
		memset(p, 1, 100);
	OPTIMIZER_HIDE_VAR(p);
}

static void nf_vpn_planted_uaf(void)
{
	char *p = kmalloc(100, GFP_KERNEL);

	if (!p)
		return;
	kfree(p);
	OPTIMIZER_HIDE_VAR(p);
	pr_info("%d\n", READ_ONCE(p[50]));
}

/* As where a header's copy is read beyond its end. */
static void nf_vpn_planted_stack(void)
{
	u8 copy[16] = { 0 };
	unsigned int n = sizeof(copy);

	OPTIMIZER_HIDE_VAR(n);
	pr_info("%d\n", READ_ONCE(copy[n]));
}

static int nf_vpn_planted_count(void *unused)
{
	unsigned long end = jiffies + 5 * HZ;

	while (time_before(jiffies, end)) {
		nf_vpn_planted_counter++;
		barrier();
		cond_resched();
	}
	while (!kthread_should_stop())
		msleep(20);
	return 0;
}

static void nf_vpn_planted_race(void)
{
	struct task_struct *one, *two;

	one = kthread_run(nf_vpn_planted_count, NULL, "planted1");
	two = kthread_run(nf_vpn_planted_count, NULL, "planted2");
	if (!IS_ERR(one))
		kthread_stop(one);
	if (!IS_ERR(two))
		kthread_stop(two);
}

static int __init nf_vpn_planted_init(void)
{
	if (!strcmp(bug, "sleep"))
		nf_vpn_planted_sleep();
	if (!strcmp(bug, "rcu") && rcu_dereference(nf_vpn_planted_pointer))
		return -EINVAL;
	if (!strcmp(bug, "leak"))
		nf_vpn_planted_leak();
	if (!strcmp(bug, "lock")) {
		nf_vpn_planted_lock(&nf_vpn_planted_a, &nf_vpn_planted_b);
		nf_vpn_planted_lock(&nf_vpn_planted_b, &nf_vpn_planted_a);
	}
	if (!strcmp(bug, "uaf"))
		nf_vpn_planted_uaf();
	if (!strcmp(bug, "stack"))
		nf_vpn_planted_stack();
	if (!strcmp(bug, "race"))
		nf_vpn_planted_race();
	return 0;
}

static void __exit nf_vpn_planted_exit(void)
{
}

module_init(nf_vpn_planted_init);
module_exit(nf_vpn_planted_exit);

MODULE_DESCRIPTION("bugs for the detectors to find");
MODULE_LICENSE("GPL");
