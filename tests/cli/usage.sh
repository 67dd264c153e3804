# SPDX-License-Identifier: Apache-2.0
# help texts, wrong usage, and outputs that are lost
# shellcheck shell=sh disable=SC2154,SC2034

test_help_lists_every_command() {
	run help
	code_is 0
	for c in serve 'config check' 'config show' simulate replay check rollout run retry 'deliveries list' \
		'releases list' 'plans list' 'rollouts list' 'revisions list' help version; do
		out_has "  $c"
	done
	err_is_empty
}

test_help_of_each_command() {
	for c in serve config simulate replay check rollout run retry deliveries releases plans rollouts \
		revisions help version; do
		run help "$c"
		code_is 0
		out_has "Usage: tidegate $c"
		out_has "Exit codes: 0 done; 1 failed; 2 usage or configuration; 3 refused"
		cp "$dir/out" "$dir/first"
		run "$c" --help
		code_is 0
		out_has "Usage: tidegate $c"
	done
}

test_help_of_a_verb() {
	run help deliveries show
	code_is 0
	out_has "Usage: tidegate deliveries show DELIVERY"
	run deliveries show -h
	code_is 0
	out_has "--body"
	run help deliveries nope
	code_is 2
	err_has "there is no command 'deliveries nope'"
}

test_every_option_is_in_page_and_completion() {
	"$binary" help | sed -n 's/^  \([a-z][a-z ]*[a-z]\)  .*/\1/p' >"$dir/commands"
	[ "$(wc -l <"$dir/commands")" -gt 15 ] || fault "no list of commands"
	while read -r c; do
		# shellcheck disable=SC2086
		run help $c
		code_is 0
		grep -oE -- '^  (-., )?--[a-z-]+' "$dir/out" | sed 's/.*--/--/' |
			sort -u >"$dir/options"
		while read -r o; do
			grep -qF -- "$o" "$root/deploy/completion/tidegate.bash" ||
				fault "completion lacks $o of $c"
			grep -qF -- "$(echo "$o" | sed 's/-/\\-/g')" "$root/deploy/man/tidegate.1" ||
				fault "the manual page lacks $o of $c"
			grep -qF -- "$o" "$root/docs/commands.md" ||
				fault "docs/commands.md lacks $o of $c"
		done <"$dir/options"
	done <"$dir/commands"
}

test_json_of_the_documentation_parses() {
	awk '/^```json$/ { n++; on = 1; next } /^```$/ { on = 0 }
		on { print > sprintf("example.%02d.json", n) }' "$root/docs/commands.md"
	for example in "$dir"/example.*.json; do
		jq -e . "$example" >"$dir/out" 2>"$dir/err" || fault "$example does not parse"
	done
	[ -s "$dir/example.12.json" ] || fault "too few examples"
}

test_version() {
	run --version
	code_is 0
	grep -qE '^tidegate [0-9]+\.[0-9]+\.[0-9]+$' "$dir/out" || fault "no version"
	run version --format json
	grep -qE '[0-9]+\.[0-9]+' "$dir/out" || fault "no version"
	json '.version | type' '"string"'
}

test_no_command() {
	run
	code_is 2
	out_is_empty
	err_has "no command is given"
	err_has "see 'tidegate help'"
}

test_unknown_command_is_suggested() {
	run deliverys
	code_is 2
	err_has "did you mean 'deliveries'?"
	run relase
	err_has "did you mean 'releases'?"
	run xyzzyxyzzy
	code_is 2
	err_has "unknown command 'xyzzyxyzzy'"
	grep -q 'did you mean' "$dir/err" && fault "far words are no suggestion"
	run rollouts shwo 1
	code_is 2
	err_has "tidegate rollouts show"
}

test_unknown_command_is_escaped() {
	run "$(printf 'x\033]0;owned\007')"
	code_is 2
	no_raw_bytes err
	err_has '\x1b]0;owned\x07'
}

test_bad_options() {
	run deliveries list --sinc 2h
	code_is 2
	err_has "unknown option '--sinc'; did you mean '--since'?"
	run deliveries list --limit
	code_is 2
	err_has "needs a value"
	run replay --since --state failed
	code_is 2
	err_has "option '--since' needs a value"
	run deliveries list --limit 2 --limit=3
	code_is 2
	err_has "given twice"
	run replay 1 --wait=yes
	code_is 2
	err_has "takes no value"
	run -c a -c b config check
	code_is 2
	err_has "given twice"
	run --format xml version
	code_is 2
	err_has "expected table or json"
	run deliveries list -x
	code_is 2
	err_has "unknown option '-x'"
}

test_bad_numbers_and_times() {
	for n in 0 -1 +5 1x 0x10 99999999999999999999 ''; do
		run deliveries list "--limit=$n"
		code_is 2
		err_has "--limit"
	done
	run deliveries list --since yesterday
	code_is 2
	err_has "--since"
	run rollouts show 1 --watch --timeout soon
	code_is 2
	err_has "--timeout"
	run deliveries list --state lost
	code_is 2
	err_has "queued"
	run deliveries show 17x
	code_is 2
	err_has "'17x' is no delivery"
}

test_missing_and_superfluous_operands() {
	run deliveries show
	code_is 2
	err_has "usage: tidegate deliveries show DELIVERY"
	run revisions show instances/a/databases/b
	code_is 2
	run deliveries show 1 2
	code_is 2
	err_has "'2' is too much"
	run run
	code_is 2
	run simulate app
	code_is 2
}

test_replay_forms_do_not_mix() {
	for a in '' '1 --since 2h' '--body x' '1 --state failed' '--dry-run' '--dry-run 1 2' \
		'1 --event push' '--dry-run --since 2h' '1 --timeout 3s' '1 --repository app'; do
		# shellcheck disable=SC2086
		run replay $a
		code_is 2
		out_is_empty
	done
}

test_roles() {
	for r in receiver worker; do
		run serve --role $r
		code_is 2
		err_has "not supported by this version"
	done
	run serve --role king
	code_is 2
	err_has "unknown role 'king'"
}

test_lost_output_is_a_failure() {
	"$binary" help >/dev/full 2>"$dir/err"
	code=$?
	code_is 1
	err_has "cannot write to standard output"
	"$binary" version >&- 2>"$dir/err"
	code=$?
	code_is 1
	err_has "cannot write to standard output"
}

test_reader_that_leaves_is_quiet() {
	"$binary" help replay 2>"$dir/err" | head -c 1 >/dev/null
	err_is_empty
	# a pipe whose reader is gone for sure
	(
		sleep 0.2
		"$binary" help 2>"$dir/err"
		echo $? >"$dir/code"
	) | true
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ -s "$dir/code" ] && break
		sleep 0.2
	done
	[ "$(cat "$dir/code")" = 1 ] || fault "code $(cat "$dir/code")"
	err_is_empty
}
