/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inbox: one thread that writes what waits in one transaction, so that concurrent deliveries
 * share one fdatasync, and one that keeps the store's log short. It does not look into a delivery.
 */

#include "receiver/inbox.h"

#include "base/mem.h"

#include <pthread.h>
#include <signal.h>

enum {
	/*
	 * In the log since the last copy: time for the next. The more there is, the cheaper a byte,
	 * and the longer a commit waits behind the copy's own fdatasync.
	 */
	CHECKPOINT_BYTES = 1024 * 1024,
	CHECKPOINT_MS = 1000, /* at the latest */
	ROW_BYTES = 2 * 4096, /* what a row costs in the log beside its body */
};

struct inbox {
	struct db *store;
	struct db *checkpoint;
	struct bell *work;
	size_t max_waiting;
	pthread_t writer, copier;
	int copies; /* whether `copier` runs */

	struct bell written;    /* rung when there is enough to copy, and at the end */
	pthread_mutex_t lock;   /* guards what follows */
	pthread_cond_t arrived; /* something to write, or the end */
	struct inbox_entry *first, **last;
	size_t waiting;
	size_t uncopied_bytes; /* in the log, about */
	int stopping;
	int writer_ended;
};

/* --- writing --- */

static void fail_all(struct inbox_entry *batch, const struct err *why)
{
	for (struct inbox_entry *x = batch; x != NULL; x = x->next) {
		x->failed = 1;
		x->duplicate = 0;
		x->error = *why;
	}
}

/* All of the batch in one transaction: all or nothing. */
static int write_together(struct inbox *in, struct inbox_entry *batch, struct err *e)
{
	if (db_begin(in->store, e) != 0)
		return -1;
	for (struct inbox_entry *x = batch; x != NULL; x = x->next) {
		if (delivery_insert(&x->id, &x->duplicate, in->store, &x->delivery, e) != 0) {
			db_rollback(in->store);
			return -1;
		}
	}
	if (db_commit(in->store, e) != 0) {
		db_rollback(in->store);
		return -1;
	}
	return 0;
}

/* One delivery that the store does not take must not cost the others their place. */
static void write_apart(struct inbox *in, struct inbox_entry *batch)
{
	for (struct inbox_entry *x = batch; x != NULL; x = x->next) {
		struct inbox_entry *rest = x->next;
		struct err why = { .code = ERR_NONE };
		x->next = NULL;
		if (write_together(in, x, &why) != 0)
			fail_all(x, &why);
		x->next = rest;
	}
}

static void write_batch(struct inbox *in, struct inbox_entry *batch)
{
	struct err why = { .code = ERR_NONE };
	if (write_together(in, batch, &why) == 0)
		return;
	if (batch->next == NULL || why.code == ERR_UNAVAILABLE || why.code == ERR_LOST)
		fail_all(batch, &why);
	else
		write_apart(in, batch);
}

/* Tell who waits; the entries are not ours behind their `done`. Returns the bytes written. */
static size_t answer(struct inbox *in, struct inbox_entry *batch)
{
	size_t bytes = 0;
	int queued = 0;
	for (struct inbox_entry *x = batch; x != NULL; x = x->next) {
		if (x->failed || x->duplicate)
			continue;
		bytes += x->delivery.body_packed.n + x->delivery.headers.n + ROW_BYTES;
		queued |= x->delivery.state == DELIVERY_QUEUED;
	}
	while (batch != NULL) {
		struct inbox_entry *next = batch->next;
		batch->done(batch);
		batch = next;
	}
	if (queued && in->work != NULL)
		bell_ring(in->work);
	return bytes;
}

/* All that waits; NULL when the inbox ends and nothing does. */
static struct inbox_entry *take_all(struct inbox *in)
{
	(void)pthread_mutex_lock(&in->lock);
	while (in->first == NULL && !in->stopping)
		(void)pthread_cond_wait(&in->arrived, &in->lock);
	struct inbox_entry *batch = in->first;
	in->first = NULL;
	in->last = &in->first;
	in->waiting = 0;
	(void)pthread_mutex_unlock(&in->lock);
	return batch;
}

/* Count what went into the log; tell the copier when it is enough. */
static void count_written(struct inbox *in, size_t bytes)
{
	(void)pthread_mutex_lock(&in->lock);
	size_t before = in->uncopied_bytes;
	in->uncopied_bytes += bytes;
	int enough = before < CHECKPOINT_BYTES && in->uncopied_bytes >= CHECKPOINT_BYTES;
	(void)pthread_mutex_unlock(&in->lock);
	if (enough)
		bell_ring(&in->written);
}

static void *writer_main(void *arg)
{
	struct inbox *in = arg;
	struct inbox_entry *batch;
	while ((batch = take_all(in)) != NULL) {
		write_batch(in, batch);
		count_written(in, answer(in, batch));
	}
	(void)pthread_mutex_lock(&in->lock);
	in->writer_ended = 1;
	(void)pthread_mutex_unlock(&in->lock);
	bell_ring(&in->written);
	return NULL;
}

/* --- the log --- */

/* 0 when the writer has ended: what is in the log then is copied when the sessions close. */
static int start_copy(struct inbox *in)
{
	(void)pthread_mutex_lock(&in->lock);
	int more = !in->writer_ended;
	in->uncopied_bytes = 0;
	(void)pthread_mutex_unlock(&in->lock);
	return more;
}

static void *copier_main(void *arg)
{
	struct inbox *in = arg;
	uint64_t seen = bell_rings(&in->written);
	while (start_copy(in)) {
		/* What fails is tried again in a second; the log keeps all until then. */
		IGNORE(db_checkpoint(in->checkpoint, NULL));
		/* Others write to the store too, so it is looked at even when no bell rings. */
		bell_wait(&in->written, seen, CHECKPOINT_MS);
		seen = bell_rings(&in->written);
	}
	return NULL;
}

/* --- from outside --- */

static int init_locks(struct inbox *in)
{
	if (bell_init(&in->written) != 0)
		return -1;
	if (pthread_mutex_init(&in->lock, NULL) != 0) {
		bell_destroy(&in->written);
		return -1;
	}
	if (pthread_cond_init(&in->arrived, NULL) != 0) {
		(void)pthread_mutex_destroy(&in->lock);
		bell_destroy(&in->written);
		return -1;
	}
	return 0;
}

static void destroy(struct inbox *in)
{
	db_close(in->store);
	db_close(in->checkpoint);
	(void)pthread_cond_destroy(&in->arrived);
	(void)pthread_mutex_destroy(&in->lock);
	bell_destroy(&in->written);
	mem_free(in);
}

/* Signals are for the program's main thread. */
static int start_thread(pthread_t *thread, void *(*run)(void *), struct inbox *in)
{
	sigset_t all, before;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(thread, NULL, run, in);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

static void stop_writer(struct inbox *in)
{
	(void)pthread_mutex_lock(&in->lock);
	in->stopping = 1;
	(void)pthread_cond_signal(&in->arrived);
	(void)pthread_mutex_unlock(&in->lock);
	(void)pthread_join(in->writer, NULL);
}

int inbox_start(struct inbox **out, const struct inbox_options *options, struct err *e)
{
	struct inbox *in = mem_array(1, sizeof *in);
	if (in == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	in->work = options->work;
	in->max_waiting = options->max_waiting;
	in->last = &in->first;
	if (init_locks(in) != 0) {
		mem_free(in);
		return err_set(e, ERR_NOMEM, "cannot make the inbox's locks");
	}
	in->store = options->store;
	in->checkpoint = options->checkpoint;
	int rc = start_thread(&in->writer, writer_main, in);
	if (rc == 0 && in->checkpoint != NULL) {
		rc = start_thread(&in->copier, copier_main, in);
		in->copies = rc == 0;
		if (rc != 0)
			stop_writer(in);
	}
	if (rc != 0) {
		/* The sessions stay the caller's. */
		in->store = NULL;
		in->checkpoint = NULL;
		destroy(in);
		return err_sys(e, rc, "cannot start the inbox's threads");
	}
	*out = in;
	return 0;
}

int inbox_put(struct inbox *in, struct inbox_entry *entry, struct err *e)
{
	entry->failed = 0;
	entry->duplicate = 0;
	entry->id = 0;
	entry->error = (struct err){ .code = ERR_NONE };
	entry->next = NULL;
	(void)pthread_mutex_lock(&in->lock);
	int stopping = in->stopping;
	int full = in->waiting >= in->max_waiting;
	if (!stopping && !full) {
		*in->last = entry;
		in->last = &entry->next;
		in->waiting++;
		(void)pthread_cond_signal(&in->arrived);
	}
	(void)pthread_mutex_unlock(&in->lock);
	if (stopping)
		return err_set(e, ERR_UNAVAILABLE, "the receiver is stopping");
	if (full)
		return err_set(e, ERR_UNAVAILABLE, "too many deliveries wait to be written");
	return 0;
}

void inbox_stop(struct inbox *in)
{
	if (in == NULL)
		return;
	stop_writer(in);
	if (in->copies)
		(void)pthread_join(in->copier, NULL);
	destroy(in);
}
