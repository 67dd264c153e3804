/* SPDX-License-Identifier: Apache-2.0 */
/* YAML of any bytes: every node has a place inside the text, or the message has one. */

#include "base/yaml.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY_MAX = 64 * 1024 * 1024 };

static void check_node(const struct yaml *y, const struct yaml *parent, size_t size)
{
	assert(y->line >= 1 && y->column >= 1);
	assert((size_t)y->line <= size + 1 && (size_t)y->column <= size + 1);
	assert(y->kind == YAML_SCALAR ? y->text.p != NULL && y->child == NULL : y->text.p == NULL);
	assert((y->key.p != NULL) == (parent != NULL && parent->kind == YAML_MAPPING));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) struct arena a;
	const struct yaml *stack[YAML_DEPTH + 1];
	size_t depth = 0;
	struct yaml *root = NULL;
	struct err e = { .code = ERR_NONE };
	arena_init(&a, MEMORY_MAX);
	if (yaml_parse(&root, (struct str){ (const char *)data, size }, "f", &a, &e) != 0) {
		assert(root == NULL && (e.code == ERR_LIMIT || strncmp(e.msg, "f:", 2) == 0));
		return 0;
	}
	const struct yaml *y = root;
	for (;;) {
		const struct yaml *parent = depth > 0 ? stack[depth - 1] : NULL;
		if (root->line > 1 || size > 0)
			check_node(y, parent, size);
		if (y->child != NULL) {
			assert(depth < YAML_DEPTH);
			stack[depth++] = y;
			y = y->child;
			continue;
		}
		while (depth > 0 && y->next == NULL)
			y = stack[--depth];
		if (y->next == NULL)
			return 0;
		y = y->next;
	}
}
