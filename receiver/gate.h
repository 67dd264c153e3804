/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_GATE_H
#define RECEIVER_GATE_H

#include <pthread.h>
#include <stdint.h>

/*
 * What threads of the daemon share to wait for each other. A gate lets the writers of the embedded
 * store through one by one, in the order they came: nobody polls the file's lock, and the inbox
 * cannot starve a worker. A bell wakes who waits for work.
 */
struct gate {
	pthread_mutex_t lock; /* guards the two counters */
	pthread_cond_t moved;
	uint64_t next;    /* ticket for who comes now */
	uint64_t serving; /* ticket that may pass */
};
int gate_init(struct gate *g);
void gate_destroy(struct gate *g);
/* For db_options: `gate` is a struct gate. */
void gate_enter(void *gate);
void gate_leave(void *gate);

struct bell {
	pthread_mutex_t lock; /* guards `rings` */
	pthread_cond_t rang;
	uint64_t rings;
};
int bell_init(struct bell *b);
void bell_destroy(struct bell *b);
void bell_ring(struct bell *b);
/* Rings so far: take it before looking for work, pass it when there was none. */
uint64_t bell_rings(struct bell *b);
/* Until it rang since `seen`, or for `timeout_ms`. */
void bell_wait(struct bell *b, uint64_t seen, int64_t timeout_ms);

#endif
