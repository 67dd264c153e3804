/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor of a durable receiver: libmicrohttpd, one HMAC, and a preallocated file that is synced
 * before the answer, many deliveries at once. It parses nothing, knows no duplicates, keeps no
 * index and starts again at the file's beginning: what is left out is what a receiver costs more.
 *
 * usage: floor_durable PORT THREADS SECRET JOURNAL
 */

#include <microhttpd.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { BODY_MAX = 32 << 20, JOURNAL_BYTES = 512 << 20, BATCH_MAX = 128, MAC_HEX = 64 };

struct delivery {
	char *body;
	size_t n, cap;
	uint32_t size; /* as it stands before the body in the journal */
	int written;
	struct MHD_Connection *mhd;
	struct delivery *next;
};

struct floor {
	const char *secret;
	int journal;
	struct MHD_Response *empty;
	pthread_mutex_t lock; /* guards the next three */
	pthread_cond_t arrived;
	struct delivery *waiting;
	int stopping;
	size_t under_way; /* handed to the writer and not yet resumed */
};

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int is_signed(const struct floor *f, const char *claimed, const struct delivery *d)
{
	unsigned char mac[32], want[32];
	unsigned n = 0;
	if (claimed == NULL || strncmp(claimed, "sha256=", 7) != 0 ||
	    strlen(claimed + 7) != MAC_HEX)
		return 0;
	for (size_t i = 0; i < sizeof want; i++) {
		int high = hex_value(claimed[7 + 2 * i]), low = hex_value(claimed[8 + 2 * i]);
		if (high < 0 || low < 0)
			return 0;
		want[i] = (unsigned char)(high << 4 | low);
	}
	return HMAC(EVP_sha256(), f->secret, (int)strlen(f->secret), (const unsigned char *)d->body,
		    d->n, mac, &n) != NULL &&
	       CRYPTO_memcmp(mac, want, sizeof mac) == 0;
}

static enum MHD_Result begin(struct MHD_Connection *mhd, void **state)
{
	const char *length = MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "Content-Length");
	struct delivery *d = calloc(1, sizeof *d);
	if (d == NULL)
		return MHD_NO;
	d->mhd = mhd;
	d->cap = length != NULL ? (size_t)strtoull(length, NULL, 10) : 0;
	if (d->cap == 0 || d->cap > BODY_MAX || (d->body = malloc(d->cap)) == NULL) {
		free(d);
		return MHD_NO;
	}
	*state = d;
	return MHD_YES;
}

static void hand_over(struct floor *f, struct delivery *d)
{
	d->size = (uint32_t)d->n;
	MHD_suspend_connection(d->mhd);
	(void)pthread_mutex_lock(&f->lock);
	d->next = f->waiting;
	f->waiting = d;
	f->under_way++;
	(void)pthread_cond_signal(&f->arrived);
	(void)pthread_mutex_unlock(&f->lock);
}

static enum MHD_Result handle(void *context, struct MHD_Connection *mhd, const char *url,
			      const char *method, const char *version, const char *data,
			      size_t *size, void **state)
{
	(void)url;
	(void)method;
	(void)version;
	struct floor *f = context;
	struct delivery *d = *state;
	if (d == NULL)
		return begin(mhd, state);
	if (*size > 0) {
		if (*size > d->cap - d->n)
			return MHD_NO;
		memcpy(d->body + d->n, data, *size);
		d->n += *size;
		*size = 0;
		return MHD_YES;
	}
	if (d->written)
		return MHD_queue_response(mhd, MHD_HTTP_ACCEPTED, f->empty);
	if (!is_signed(f, MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "X-Hub-Signature-256"),
		       d))
		return MHD_queue_response(mhd, MHD_HTTP_UNAUTHORIZED, f->empty);
	hand_over(f, d);
	return MHD_YES;
}

static void completed(void *context, struct MHD_Connection *mhd, void **state,
		      enum MHD_RequestTerminationCode why)
{
	(void)context;
	(void)mhd;
	(void)why;
	struct delivery *d = *state;
	if (d == NULL)
		return;
	free(d->body);
	free(d);
	*state = NULL;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* All of `batch` behind `at`, synced; the new end. */
static off_t write_down(const struct floor *f, struct delivery *batch, off_t at)
{
	for (struct delivery *d = batch; d != NULL;) {
		struct iovec parts[BATCH_MAX];
		int n = 0;
		size_t want = 0;
		for (; d != NULL && n < BATCH_MAX; d = d->next) {
			parts[n++] = (struct iovec){ &d->size, sizeof d->size };
			parts[n++] = (struct iovec){ d->body, d->n };
			want += sizeof d->size + d->n;
		}
		if (at + (off_t)want > JOURNAL_BYTES)
			at = 0;
		if (lseek(f->journal, at, SEEK_SET) < 0 ||
		    writev(f->journal, parts, n) != (ssize_t)want)
			fail("journal");
		at += (off_t)want;
	}
	if (fdatasync(f->journal) != 0)
		fail("journal");
	return at;
}

static void *writer(void *context)
{
	struct floor *f = context;
	off_t at = 0;
	for (;;) {
		(void)pthread_mutex_lock(&f->lock);
		while (f->waiting == NULL && !f->stopping)
			(void)pthread_cond_wait(&f->arrived, &f->lock);
		struct delivery *batch = f->waiting;
		f->waiting = NULL;
		(void)pthread_mutex_unlock(&f->lock);
		if (batch == NULL)
			return NULL;
		at = write_down(f, batch, at);
		size_t n = 0;
		for (; batch != NULL; n++) {
			struct delivery *next = batch->next;
			batch->written = 1;
			MHD_resume_connection(batch->mhd);
			batch = next;
		}
		(void)pthread_mutex_lock(&f->lock);
		f->under_way -= n;
		(void)pthread_mutex_unlock(&f->lock);
	}
}

/* A file of zeros, so that a write changes no metadata. */
static int make_journal(const char *path)
{
	static const char zeros[1 << 20];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		fail(path);
	for (size_t i = 0; i < JOURNAL_BYTES / sizeof zeros; i++) {
		if (write(fd, zeros, sizeof zeros) != (ssize_t)sizeof zeros)
			fail(path);
	}
	if (fsync(fd) != 0)
		fail(path);
	return fd;
}

static struct MHD_Daemon *start(struct floor *f, int port, int threads)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	struct MHD_OptionItem options[] = {
		{ MHD_OPTION_SOCK_ADDR, 0, &at },
		{ MHD_OPTION_CONNECTION_LIMIT, 1000, NULL },
		{ MHD_OPTION_CONNECTION_TIMEOUT, 30, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, 64 * 1024, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_INCREMENT, 32 * 1024, NULL },
		{ threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, threads, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL,
				NULL, handle, f, MHD_OPTION_ARRAY, options,
				MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_END);
}

static void stop(struct floor *f, struct MHD_Daemon *daemon, pthread_t thread)
{
	const struct timespec pause = { .tv_nsec = 10000000L };
	(void)close(MHD_quiesce_daemon(daemon));
	for (size_t under_way = 1; under_way > 0;) {
		(void)nanosleep(&pause, NULL);
		(void)pthread_mutex_lock(&f->lock);
		under_way = f->under_way;
		(void)pthread_mutex_unlock(&f->lock);
	}
	MHD_stop_daemon(daemon);
	(void)pthread_mutex_lock(&f->lock);
	f->stopping = 1;
	(void)pthread_cond_signal(&f->arrived);
	(void)pthread_mutex_unlock(&f->lock);
	(void)pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
	static struct floor f = { .lock = PTHREAD_MUTEX_INITIALIZER,
				  .arrived = PTHREAD_COND_INITIALIZER };
	static char none[1];
	sigset_t signals;
	pthread_t thread;
	int got;
	if (argc != 5) {
		(void)fprintf(stderr, "usage: %s PORT THREADS SECRET JOURNAL\n", argv[0]);
		return 2;
	}
	f.secret = argv[3];
	f.journal = make_journal(argv[4]);
	f.empty = MHD_create_response_from_buffer(0, none, MHD_RESPMEM_PERSISTENT);
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
	struct MHD_Daemon *daemon =
	    start(&f, (int)strtol(argv[1], NULL, 10), (int)strtol(argv[2], NULL, 10));
	if (f.empty == NULL || daemon == NULL || pthread_create(&thread, NULL, writer, &f) != 0) {
		(void)fprintf(stderr, "cannot start\n");
		return 1;
	}
	(void)sigwait(&signals, &got);
	stop(&f, daemon, thread);
	MHD_destroy_response(f.empty);
	return 0;
}
