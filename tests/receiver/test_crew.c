/* SPDX-License-Identifier: Apache-2.0 */
/* A crew does everything that it is given, in order, on no more threads than it may have. */

#include "receiver/crew.h"
#include "tests/support/check.h"

#include <poll.h>
#include <stdatomic.h>

enum { JOBS = 200, THREADS = 3 };

struct work {
	struct crew_job job;
	struct seen *seen;
	int number;
};

struct seen {
	atomic_int running;
	atomic_int most;
	atomic_int done;
	atomic_int last; /* the number of the job that began last; for one thread */
	atomic_int disorder;
};

static void do_work(void *context)
{
	struct work *w = context;
	struct seen *s = w->seen;
	int now = atomic_fetch_add(&s->running, 1) + 1;
	int most = atomic_load(&s->most);
	while (now > most && !atomic_compare_exchange_weak(&s->most, &most, now))
		continue;
	if (atomic_exchange(&s->last, w->number) > w->number)
		atomic_fetch_add(&s->disorder, 1);
	(void)poll(NULL, 0, 1);
	(void)atomic_fetch_sub(&s->running, 1);
	(void)atomic_fetch_add(&s->done, 1);
}

static void run(struct seen *seen, size_t threads)
{
	static struct work work[JOBS];
	struct crew *crew = NULL;
	struct err e;
	check_ok(crew_new(&crew, threads, &e), &e);
	for (int i = 0; i < JOBS; i++) {
		work[i] = (struct work){ .seen = seen, .number = i };
		work[i].job = (struct crew_job){ .run = do_work, .context = &work[i] };
		check_ok(crew_run(crew, &work[i].job, &e), &e);
	}
	crew_free(crew);
}

static void test_crew_does_all_on_few_threads(void **state)
{
	(void)state;
	struct seen seen = { .running = 0 };
	run(&seen, THREADS);
	assert_int_equal(atomic_load(&seen.done), JOBS);
	assert_in_range(atomic_load(&seen.most), 1, THREADS);
}

static void test_crew_keeps_the_order(void **state)
{
	(void)state;
	struct seen seen = { .running = 0 };
	run(&seen, 1);
	assert_int_equal(atomic_load(&seen.done), JOBS);
	assert_int_equal(atomic_load(&seen.most), 1);
	assert_int_equal(atomic_load(&seen.disorder), 0);
}

static void test_crew_without_work_ends(void **state)
{
	(void)state;
	struct crew *crew = NULL;
	struct err e;
	check_ok(crew_new(&crew, THREADS, &e), &e);
	crew_free(crew);
	crew_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crew_does_all_on_few_threads),
		cmocka_unit_test(test_crew_keeps_the_order),
		cmocka_unit_test(test_crew_without_work_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
