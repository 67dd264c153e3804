# SPDX-License-Identifier: Apache-2.0
# tidegate replay --dry-run
# shellcheck shell=sh disable=SC2154,SC2034

test_dry_run_merge() {
	dry pull_request merge.json --format json
	code_is 0
	err_is_empty
	json . '{"event":{"kind":"merge","repository":"acme/app","target_branch":"main","merge_commit":"0a1b2c3d4e5f60718293a4b5c6d7e8f901234567","pull_request":{"number":12,"title":"Add orders","url":"https://github.com/acme/app/pull/12"},"author":{"id":"9007199254740993","login":"octocat","bot":false}},"would":"release","reason":null}'
}

test_dry_run_order_of_members() {
	dry pull_request merge.json --format json
	json 'keys_unsorted' '["event","would","reason"]'
	json '.event | keys_unsorted' \
		'["kind","repository","target_branch","merge_commit","pull_request","author"]'
}

test_dry_run_bot() {
	dry pull_request merge-bot.json --format json
	json .event.author '{"id":"29139614","login":"renovate[bot]","bot":true}'
}

test_dry_run_not_merged() {
	dry pull_request closed.json --format json
	code_is 0
	json .event.kind '"pr"'
	json .event.merge_commit null
	json .would '"ignore"'
	json '.reason | type' '"string"'
}

test_dry_run_push() {
	dry push push.json --format json
	code_is 0
	json .event.kind '"push"'
	json .event.target_branch '"main"'
	json .event.merge_commit null
	json .event.pull_request '{"number":null,"title":null,"url":null}'
	dry push push-deleted.json --format json
	code_is 0
	json .event.merge_commit null
	json .would '"ignore"'
}

test_dry_run_ping_and_other() {
	dry ping ping.json --format json
	json .event.kind '"ping"'
	json .would '"ignore"'
	dry star ping.json --format json
	json .event.kind '"other"'
	json .would '"ignore"'
}

test_dry_run_no_commit() {
	dry pull_request merge-no-commit.json --format json
	code_is 0
	json .event.merge_commit null
	json .would '"refuse"'
}

test_dry_run_form() {
	dry pull_request merge.form --header 'content-type: application/x-www-form-urlencoded' \
		--format json
	code_is 0
	json .event.pull_request.number 12
}

test_dry_run_header_instead_of_event() {
	run replay --dry-run --provider github --header 'x-github-event: pull_request' \
		--body "$fixtures/merge.json" --format json
	code_is 0
	json .would '"release"'
	dry pull_request merge.json --header 'X-GitHub-Event: push'
	code_is 2
	err_has "both --event and --header"
	dry pull_request merge.json --header nonsense
	code_is 2
	err_has "expected 'Name: value'"
	run replay --dry-run --provider github --body "$fixtures/merge.json"
	code_is 2
	err_has "--event"
}

test_dry_run_stdin() {
	"$binary" replay --dry-run --provider github --event pull_request --body - --format json \
		<"$fixtures/merge.json" >"$dir/out" 2>"$dir/err"
	code=$?
	code_is 0
	json .would '"release"'
}

test_dry_run_for_people() {
	dry pull_request merge.json
	code_is 0
	out_has "merge commit  0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
	out_has "would         release"
}

test_dry_run_hostile_title() {
	dry pull_request merge-hostile.json
	code_is 0
	no_raw_bytes out
	out_has '\x1b]0;owned\x07 \u{202e}evil\nline two \u{9b}31m'
	[ "$(grep -c '^title ' "$dir/out")" -eq 1 ] || fault "the title broke its line"
}

test_dry_run_unreadable() {
	for f in truncated.json:11 duplicate-key.json:2 deep.json:1 nul.json:1; do
		dry pull_request "${f%%:*}"
		code_is 1
		out_is_empty
		err_has "line ${f##*:}, column "
		err_has "${f%%:*}"
	done
	: >"$dir/empty"
	run replay --dry-run --provider github --event pull_request --body "$dir/empty"
	code_is 1
	err_has "line 1, column 1"
	run replay --dry-run --provider github --event pull_request --body "$dir/not-there"
	code_is 1
	err_has "cannot open"
	run replay --dry-run --provider github --event pull_request --body "$dir"
	code_is 1
	err_has "cannot read"
}

test_dry_run_unknown_provider() {
	run replay --dry-run --provider svnhub --event x --body "$fixtures/merge.json"
	code_is 2
	err_has "unknown provider 'svnhub'"
	err_has "github"
	run replay --dry-run --event x --body "$fixtures/merge.json"
	code_is 2
	err_has "--provider"
}
