/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECEIVER_FIBER_STACK_H
#define RECEIVER_FIBER_STACK_H

#include "base/err.h"

#include <stddef.h>
#include <ucontext.h>

/* Stacks, and the switch from one to another. */

struct fiber_stack {
	char *low; /* above the guard page */
	size_t size;
	ucontext_t context;
	void *fake;   /* AddressSanitizer's */
	void *shadow; /* ThreadSanitizer's */
};

/* A stack of its own: address space with a guard page below it, memory as it is touched. */
int fiber_stack_make(struct fiber_stack *s, struct err *e) MUST_CHECK;
void fiber_stack_free(struct fiber_stack *s);
/* The stack that the calling thread runs on. */
void fiber_stack_adopt(struct fiber_stack *s);

/* Let the next switch to `s` call `entry(argument)`, which must end by fiber_stack_leave. */
void fiber_stack_begin(struct fiber_stack *s, void (*entry)(void *argument), void *argument);
/* Go on at `to`, until somebody switches back to `from`. */
void fiber_stack_switch(struct fiber_stack *from, struct fiber_stack *to);
/* The same from a stack that is done: it is never switched back to, this does not return. */
void fiber_stack_leave(struct fiber_stack *from, struct fiber_stack *to);
/* After fiber_stack_leave, on another stack: give back what an unusual depth has touched. */
void fiber_stack_rest(struct fiber_stack *s);

#endif
