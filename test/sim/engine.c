// SPDX-License-Identifier: GPL-2.0-only
/* Event queue (4-ary heap) and random numbers. */
#include <math.h>
#include "sim.h"

static struct event *heap;
static size_t used, room;
static u64 counter;

static bool before(const struct event *a, const struct event *b)
{
	return a->t != b->t ? a->t < b->t : a->no < b->no;
}

void push(struct event *e)
{
	size_t i = used++;

	if (used > room) {
		room = room ? 2 * room : 4096;
		heap = realloc(heap, room * sizeof(*heap));
		if (!heap)
			abort();
	}
	e->no = counter++;
	for (; i && before(e, &heap[(i - 1) / 4]); i = (i - 1) / 4)
		heap[i] = heap[(i - 1) / 4];
	heap[i] = *e;
}

static void sift(struct event *e)
{
	size_t i = 0, kid, best, end;

	for (;;) {
		kid = 4 * i + 1;
		if (kid >= used)
			break;
		end = kid + 4 < used ? kid + 4 : used;
		for (best = kid++; kid < end; kid++)
			if (before(&heap[kid], &heap[best]))
				best = kid;
		if (!before(&heap[best], e))
			break;
		heap[i] = heap[best];
		i = best;
	}
	heap[i] = *e;
}

bool pop(struct event *e)
{
	struct event last;

	if (!used)
		return false;
	*e = heap[0];
	last = heap[--used];
	if (used)
		sift(&last);
	return true;
}

void drop_all(void)
{
	used = 0;
	counter = 0;
}

/* splitmix64 */
u64 next_rand(u64 *state)
{
	u64 z = (*state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

double unit(u64 *state)
{
	return (double)(next_rand(state) >> 11) / (double)(1ULL << 53);
}

u64 expo(u64 *state, u64 mean)
{
	return (u64)(-log(1.0 - unit(state)) * (double)mean);
}
