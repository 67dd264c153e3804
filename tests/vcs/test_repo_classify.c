/* SPDX-License-Identifier: Apache-2.0 */
/* What git complains of, and what that means for a delivery: no git is run here. */

#include "tests/support/check.h"
#include "vcs/repo_impl.h"

#include <string.h>

static void test_repo_classify_understands_git(void **state)
{
	static const struct {
		const char *complaint;
		enum err_code code;
		enum repo_verdict verdict;
		const char *says;
	} rows[] = {
		{ "fatal: couldn't find remote ref refs/heads/main\n", ERR_NOTFOUND,
		  REPO_VERDICT_BRANCH_GONE, "branch 'main'" },
		{ "remote: Repository not found.\nfatal: repository 'https://h/is-empty/' not "
		  "found\n",
		  ERR_NOTFOUND, REPO_VERDICT_OTHER, "repository 'https://h/is-empty/' not found" },
		{ "ERROR: Repository not found.\nfatal: Could not read from remote repository.\n\n"
		  "Please make sure you have the correct access rights\nand the repository "
		  "exists.\n",
		  ERR_NOTFOUND, REPO_VERDICT_OTHER, ": Repository not found." },
		{ "git@h: Permission denied (publickey).\nfatal: Could not read from remote "
		  "repository.\n",
		  ERR_AUTH, REPO_VERDICT_OTHER, "Permission denied (publickey)" },
		{ "Host key verification failed.\nfatal: Could not read from remote repository.\n",
		  ERR_AUTH, REPO_VERDICT_OTHER, "Host key" },
		{ "ssh: connect to host h port 22: Connection refused\nfatal: Could not read from "
		  "remote repository.\n",
		  ERR_UNAVAILABLE, REPO_VERDICT_OTHER, "port 22: Connection refused" },
		{ "fatal: unable to access 'https://h/is-empty/': Could not resolve host: h\n",
		  ERR_UNAVAILABLE, REPO_VERDICT_OTHER, "Could not resolve host" },
		{ "fatal: unable to access 'https://h/is-empty/': The requested URL returned "
		  "error: 502\n",
		  ERR_UNAVAILABLE, REPO_VERDICT_OTHER, "502" },
		{ "fatal: unable to access 'https://h/is-empty/': The requested URL returned "
		  "error: 301\n",
		  ERR_REFUSED, REPO_VERDICT_OTHER, "clone_url" },
		{ "fatal: mismatched algorithms: client sha1; server sha256\n", ERR_REFUSED,
		  REPO_VERDICT_OTHER, "SHA-256" },
		{ "fatal: detected dubious ownership in repository at '/r'\nTo add an exception "
		  "for this directory, call:\n\n\tgit config --global --add safe.directory /r\n",
		  ERR_REFUSED, REPO_VERDICT_OTHER, "another user" },
		{ "error: object 1: zeroPaddedDate: x\nfatal: fsck error in packed object\n"
		  "fatal: fetch-pack: invalid index-pack output\n",
		  ERR_REFUSED, REPO_VERDICT_OTHER, "fsck error" },
		{ "fatal: write error: No space left on device\n", ERR_SYS, REPO_VERDICT_OTHER,
		  "No space" },
		{ "fatal: bad object refs/heads/main\n", ERR_SYS, REPO_VERDICT_DAMAGED,
		  "bad object" },
		{ "remote: error: object file x is empty\nfatal: early EOF\n", ERR_UNAVAILABLE,
		  REPO_VERDICT_OTHER, "is empty" },
		{ "fatal: bad token s3cr3t-t0ken in czNjcjN0\n", ERR_UNAVAILABLE,
		  REPO_VERDICT_OTHER, "bad token *** in ***" },
		{ "", ERR_UNAVAILABLE, REPO_VERDICT_OTHER, "git said nothing" },
	};
	const struct repo_remote remote = { .url = STR("https://h/is-empty"),
					    .branch = STR("main") };
	const struct str secrets[2] = { STR("s3cr3t-t0ken"), STR("czNjcjN0") };
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct err e = { .code = ERR_NONE };
		enum repo_verdict verdict =
		    repo_classify(str_of(rows[i].complaint), &remote, secrets, &e);
		if (e.code != rows[i].code || verdict != rows[i].verdict ||
		    strstr(e.msg, rows[i].says) == NULL)
			fail_msg("row %zu gives %s, %d: %s", i, err_code_name(e.code), (int)verdict,
				 e.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_repo_classify_understands_git),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
