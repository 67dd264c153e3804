/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that take work from one queue. */

#include "receiver/crew.h"

#include "base/mem.h"

#include <pthread.h>

struct crew {
	pthread_mutex_t lock; /* guards all but `most` */
	pthread_cond_t more;
	struct crew_job *first, **last;
	size_t queued;
	size_t idle;
	int stopping;
	pthread_t *threads;
	size_t n;
	size_t most;
};

static void *crew_main(void *arg)
{
	struct crew *c = arg;
	(void)pthread_mutex_lock(&c->lock);
	for (;;) {
		c->idle++;
		while (c->first == NULL && !c->stopping)
			(void)pthread_cond_wait(&c->more, &c->lock);
		c->idle--;
		struct crew_job *job = c->first;
		if (job == NULL)
			break;
		c->first = job->next;
		c->last = c->first != NULL ? c->last : &c->first;
		c->queued--;
		(void)pthread_mutex_unlock(&c->lock);
		job->run(job->context); /* `job` may be gone after that */
		(void)pthread_mutex_lock(&c->lock);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return NULL;
}

int crew_new(struct crew **out, size_t most, struct err *e)
{
	struct crew *c = mem_array(1, sizeof *c);
	if (c == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	c->most = most;
	c->last = &c->first;
	c->threads = mem_array(most, sizeof *c->threads);
	if (c->threads == NULL || pthread_mutex_init(&c->lock, NULL) != 0) {
		mem_free(c->threads);
		mem_free(c);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	if (pthread_cond_init(&c->more, NULL) != 0) {
		(void)pthread_mutex_destroy(&c->lock);
		mem_free(c->threads);
		mem_free(c);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	*out = c;
	return 0;
}

int crew_run(struct crew *c, struct crew_job *job, struct err *e)
{
	int rc = 0;
	(void)pthread_mutex_lock(&c->lock);
	if (c->queued >= c->idle && c->n < c->most) {
		rc = pthread_create(&c->threads[c->n], NULL, crew_main, c);
		c->n += rc == 0;
	}
	if (c->n > 0) {
		job->next = NULL;
		*c->last = job;
		c->last = &job->next;
		c->queued++;
		(void)pthread_cond_signal(&c->more);
		rc = 0;
	}
	(void)pthread_mutex_unlock(&c->lock);
	return rc == 0 ? 0 : err_sys(e, rc, "cannot start a thread");
}

void crew_free(struct crew *c)
{
	if (c == NULL)
		return;
	(void)pthread_mutex_lock(&c->lock);
	c->stopping = 1;
	(void)pthread_cond_broadcast(&c->more);
	(void)pthread_mutex_unlock(&c->lock);
	for (size_t i = 0; i < c->n; i++)
		(void)pthread_join(c->threads[i], NULL);
	(void)pthread_cond_destroy(&c->more);
	(void)pthread_mutex_destroy(&c->lock);
	mem_free(c->threads);
	mem_free(c);
}
