/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stacks of fibers, by ucontext, with what the sanitizers must be told of a switch. A switch is
 * two system calls for the signal mask, which is little beside the wait that it is made for.
 */

#define _GNU_SOURCE /* MAP_ANONYMOUS, madvise, pthread_getattr_np */

#include "receiver/fiber_stack.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define WITH_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define WITH_TSAN 1
#endif

#ifdef WITH_ASAN
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef WITH_TSAN
#include <sanitizer/tsan_interface.h>
#endif

enum {
	/* Address space, as much as a thread has: a deep script is as safe here as there. */
	STACK_BYTES = 8 * 1024 * 1024,
	/* What one task touches; more is given back to the system. */
	STACK_KEPT = 256 * 1024,
};

int fiber_stack_make(struct fiber_stack *s, struct err *e)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, page + STACK_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (p == MAP_FAILED)
		return err_sys(e, errno, "cannot map a stack");
	if (mprotect(p, page, PROT_NONE) != 0) {
		int rc = err_sys(e, errno, "cannot guard a stack");
		(void)munmap(p, page + STACK_BYTES);
		return rc;
	}
	*s = (struct fiber_stack){ .low = p + page, .size = STACK_BYTES };
	return 0;
}

void fiber_stack_free(struct fiber_stack *s)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	if (s->low != NULL)
		(void)munmap(s->low - page, page + s->size);
	*s = (struct fiber_stack){ .low = NULL };
}

#ifdef WITH_ASAN
/* Where the thread's own stack lies. */
static void find_own(struct fiber_stack *s)
{
	pthread_attr_t attr;
	void *low = NULL;
	int rc = pthread_getattr_np(pthread_self(), &attr);
	assert(rc == 0);
	(void)pthread_attr_getstack(&attr, &low, &s->size);
	(void)pthread_attr_destroy(&attr);
	s->low = low;
}
#endif

void fiber_stack_adopt(struct fiber_stack *s)
{
	*s = (struct fiber_stack){ .low = NULL };
#ifdef WITH_ASAN
	find_own(s);
#endif
#ifdef WITH_TSAN
	s->shadow = __tsan_get_current_fiber();
#endif
}

/* makecontext passes nothing wider than an int. */
struct start {
	void (*entry)(void *argument);
	void *argument;
};

static void start(unsigned high, unsigned low)
{
	union {
		uint64_t number;
		const struct start *p;
	} at = { .number = (uint64_t)high << 32 | low };
#ifdef WITH_ASAN
	__sanitizer_finish_switch_fiber(NULL, NULL, NULL);
#endif
	at.p->entry(at.p->argument);
	assert(0); /* an entry leaves by fiber_stack_leave */
}

void fiber_stack_begin(struct fiber_stack *s, void (*entry)(void *argument), void *argument)
{
	/* At the top of the stack itself, where it lives as long as the stack is used. */
	struct start *first = (struct start *)(void *)(s->low + s->size - sizeof *first);
	union {
		uint64_t number;
		const struct start *p;
	} at = { .number = 0 };
#ifdef WITH_ASAN
	__asan_unpoison_memory_region(s->low, s->size);
#endif
#ifdef WITH_TSAN
	s->shadow = __tsan_create_fiber(0);
#endif
	*first = (struct start){ entry, argument };
	at.p = first;
	(void)getcontext(&s->context);
	s->context.uc_stack.ss_sp = s->low;
	s->context.uc_stack.ss_size = s->size - sizeof *first;
	s->context.uc_link = NULL;
	/* The cast is makecontext's own contract: the function gets the ints that follow. */
	makecontext(&s->context, (void (*)(void))start, 2, (unsigned)(at.number >> 32),
		    (unsigned)(at.number & UINT32_MAX));
}

/* `fake` is where AddressSanitizer keeps what belongs to `from`; NULL when that is done. */
static void swap(void **fake, struct fiber_stack *from, struct fiber_stack *to)
{
#ifdef WITH_ASAN
	__sanitizer_start_switch_fiber(fake, to->low, to->size);
#else
	(void)fake;
#endif
#ifdef WITH_TSAN
	__tsan_switch_to_fiber(to->shadow, 0);
#endif
	int rc = swapcontext(&from->context, &to->context);
	assert(rc == 0); /* it has no reason to fail */
#ifdef WITH_ASAN
	__sanitizer_finish_switch_fiber(from->fake, NULL, NULL);
#endif
}

void fiber_stack_switch(struct fiber_stack *from, struct fiber_stack *to)
{
	swap(&from->fake, from, to);
}

void fiber_stack_leave(struct fiber_stack *from, struct fiber_stack *to)
{
	swap(NULL, from, to);
	assert(0);
}

void fiber_stack_rest(struct fiber_stack *s)
{
#ifdef WITH_TSAN
	__tsan_destroy_fiber(s->shadow);
	s->shadow = NULL;
#endif
	(void)madvise(s->low, s->size - STACK_KEPT, MADV_DONTNEED);
}
