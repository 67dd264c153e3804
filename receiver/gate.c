/* SPDX-License-Identifier: Apache-2.0 */
/* The gate of the embedded store: its writers pass one by one, in the order they came. */

#include "receiver/gate.h"

int gate_init(struct gate *g)
{
	*g = (struct gate){ .next = 0 };
	if (pthread_mutex_init(&g->lock, NULL) != 0)
		return -1;
	if (pthread_cond_init(&g->moved, NULL) != 0) {
		(void)pthread_mutex_destroy(&g->lock);
		return -1;
	}
	return 0;
}

void gate_destroy(struct gate *g)
{
	(void)pthread_cond_destroy(&g->moved);
	(void)pthread_mutex_destroy(&g->lock);
}

void gate_enter(void *gate)
{
	struct gate *g = gate;
	(void)pthread_mutex_lock(&g->lock);
	uint64_t mine = g->next++;
	while (g->serving != mine)
		(void)pthread_cond_wait(&g->moved, &g->lock);
	(void)pthread_mutex_unlock(&g->lock);
}

void gate_leave(void *gate)
{
	struct gate *g = gate;
	(void)pthread_mutex_lock(&g->lock);
	g->serving++;
	(void)pthread_cond_broadcast(&g->moved);
	(void)pthread_mutex_unlock(&g->lock);
}
