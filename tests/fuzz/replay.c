/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over the files that are named, or that lie in the directories that are named,
 * so that seeds and past findings are a test in every build, without libFuzzer.
 */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (f == NULL) {
		perror(path);
		return -1;
	}
	static uint8_t data[1 << 20];
	size_t n = fread(data, 1, sizeof data, f);
	(void)fclose(f);
	/* A copy of its exact size lets the sanitizer see a read behind the end. */
	uint8_t *exact = malloc(n > 0 ? n : 1);
	if (exact == NULL)
		return -1;
	memcpy(exact, data, n);
	(void)LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	return 1;
}

static int replay_directory(const char *path)
{
	DIR *dir = opendir(path);
	if (dir == NULL)
		return 0; /* no regressions yet */
	int done = 0;
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		char file[4096];
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
		int rc = replay_file(file);
		if (rc < 0) {
			done = -1;
			break;
		}
		done += rc;
	}
	(void)closedir(dir);
	return done;
}

int main(int argc, char **argv)
{
	int total = 0;
	for (int i = 1; i < argc; i++) {
		struct stat st;
		int is_dir = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode);
		int rc = is_dir || access(argv[i], F_OK) != 0 ? replay_directory(argv[i])
							      : replay_file(argv[i]);
		if (rc < 0)
			return 1;
		total += rc;
	}
	printf("%d inputs replayed\n", total);
	return total > 0 ? 0 : 1; /* a target without a seed proves nothing */
}
