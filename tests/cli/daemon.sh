# SPDX-License-Identifier: Apache-2.0
# commands beside a running daemon; run in this order
# shellcheck shell=sh disable=SC2154,SC2034

make_repository() {
	git init -q --bare -b main "$dir/app.git"
	git clone -q "$dir/app.git" "$dir/work" 2>/dev/null
	mkdir -p "$dir/work/migrations"
	echo 'CREATE TABLE orders(id INTEGER PRIMARY KEY, note TEXT);' \
		>"$dir/work/migrations/001_orders.sql"
	echo 'INSERT INTO orders(note) VALUES (1);' >"$dir/work/migrations/002_first.sql"
	commit_all 'orders'
}

commit_all() {
	(
		cd "$dir/work" && git checkout -q -B main && git add -A &&
			git -c user.name=t -c user.email=t@example.org commit -q -m "$1" &&
			git push -q origin main
	) 2>>"$dir/git.log"
	sha=$(git -C "$dir/work" rev-parse HEAD)
}

start_daemon() {
	"$binary" serve -c "$dir/tidegate.yaml" >"$dir/serve.out" 2>"$dir/serve.err" &
	daemon=$!
	url=
	for _ in $(seq 100); do
		port=$(sed -n 's/.*listening on 127\.0\.0\.1:\([0-9]*\).*/\1/p' "$dir/serve.err")
		if [ -n "$port" ]; then
			url=http://127.0.0.1:$port/webhooks/app
			return
		fi
		kill -0 "$daemon" 2>/dev/null || break
		sleep 0.1
	done
	sed 's/^/#   serve: /' "$dir/serve.err" >&2
	fault "the daemon does not listen"
}

test_daemon_starts() {
	write_config
	mkdir -p "$dir/store"
	make_repository
	sqlite3 "$dir/dev/shop.db" 'VACUUM'
	sqlite3 "$dir/prod/shop.db" 'VACUUM'
	start_daemon
	for c in deliveries releases plans rollouts; do
		run $c list
		code_is 0
		out_is_empty
		err_has "no $c yet"
		run $c list --format json
		code_is 0
		err_is_empty
		json . "{\"$c\":[]}"
		run $c
		code_is 0
	done
}

test_daemon_second_one() {
	run serve
	code_is 1
}

test_simulate_ping() {
	run simulate app ping --url "$url"
	code_is 0
	out_has "200 "
	run simulate app ping --url "$url" --format json
	json '.answers[0].status' 200
}

test_simulate_wrong_endpoint() {
	run simulate app ping --url "${url%app}nope"
	code_is 1
	out_has "404 "
}

test_merge_to_rollout() {
	run simulate app merge --commit "$sha" --number 7 --title 'Add orders' --url "$url" \
		--delivery-id first
	code_is 0
	out_has "202 "
	for _ in $(seq 100); do
		run deliveries list --format json
		[ "$(jq -r '[.deliveries[] | select(.external_id == "first")][0].state' \
			<"$dir/out")" = released ] && break
		sleep 0.1
	done
	json '[.deliveries[] | select(.external_id == "first")][0] | [.state, .rollout]' \
		'["released","projects/shop/plans/1/rollout"]'
	delivery=$(jq -r '.deliveries[] | select(.external_id == "first").id' <"$dir/out")
	run deliveries list --state released
	out_has "projects/shop/plans/1/rollout"
	run deliveries list --state failed
	code_is 0
	err_has "no delivery fits"
	run deliveries list --repository app --since 1h --limit 1 --format json
	json '.deliveries | length' 1
}

test_duplicate() {
	run simulate app merge --commit "$sha" --number 7 --url "$url" --delivery-id first --repeat
	code_is 0
	[ "$(grep -c '^200 ' "$dir/out")" -eq 2 ] || fault "not two answers 200"
}

test_delivery_show() {
	run deliveries show "$delivery"
	code_is 0
	out_has "released"
	out_has "X-GitHub-Event: pull_request"
	out_has "kind          merge"
	run deliveries show "$delivery" --format json
	json '[.event.kind, .event.pull_request.number, .event_error, .state]' \
		'["merge",7,null,"released"]'
	json .id "\"$delivery\""
	json '[.headers[] | select(.name | ascii_downcase == "x-github-event").value]' \
		'["pull_request"]'
	run deliveries show "$delivery" --body
	code_is 0
	json .pull_request.number 7
	cp "$dir/out" "$dir/body"
	run deliveries show "$delivery" --body --format json
	[ "$(jq -r .body <"$dir/out")" = "$(cat "$dir/body")" ] || fault "another body"
	run deliveries show 999999
	code_is 1
	out_is_empty
}

test_replay_a_body_from_a_file() {
	run deliveries show "$delivery" --body
	cp "$dir/out" "$dir/body"
	run replay --repository app --event pull_request --body "$dir/body" --wait --format json
	code_is 0
	json '[.replays[0].delivery, .replays[0].state]' '[null,"released"]'
	run replay --repository app --event pull_request --body "$dir/body"
	code_is 0
	err_has "already"
	run replay --provider github --event pull_request --body "$dir/body"
	code_is 2
	err_has "--repository"
}

test_colours() {
	TERM=xterm script -qec "$binary deliveries list" /dev/null >"$dir/out" </dev/null
	grep -q "$(printf '\033\\[32mreleased\033\\[0m')" "$dir/out" || fault "no colour on a terminal"
	TERM=xterm NO_COLOR=1 script -qec "$binary deliveries list" /dev/null >"$dir/out" </dev/null
	grep -q "$(printf '\033')" "$dir/out" && fault "colour with NO_COLOR"
	TERM=dumb script -qec "$binary deliveries list" /dev/null >"$dir/out" </dev/null
	grep -q "$(printf '\033')" "$dir/out" && fault "colour on a dumb terminal"
	out_has "released"
}

test_release_and_plan() {
	run releases list --format json
	json '.releases | length' 1
	json '.releases[0].files_total' 2
	release=$(jq -r '.releases[0].id' <"$dir/out")
	run releases show "$release" --format json
	json '[.files[].version]' '["1","2"]'
	json '.files[0].path' '"migrations/001_orders.sql"'
	json '.files[0].sha256' "\"$(sha256sum <"$dir/work/migrations/001_orders.sql" |
		cut -d' ' -f1)\""
	run releases show "projects/shop/releases/$release"
	code_is 0
	out_has "migrations/002_first.sql"
	run releases list
	out_has "$release"
	run releases show nope
	code_is 1
	run plans show 1 --format json
	json '.targets' '["instances/dev/databases/shop","instances/prod/databases/shop"]'
	json '.id' '"1"'
	run plans list
	out_has "projects/shop/plans/1"
	run plans show 2
	code_is 1
}

test_rollout_stages() {
	for _ in $(seq 100); do
		run rollouts show 1 --format json
		[ "$(jq -r '.stages[0].status' <"$dir/out")" = DONE ] && break
		sleep 0.1
	done
	code_is 0
	json '[.stages[] | [.environment, .status, .tasks_done, .tasks_total]]' \
		'[["dev","DONE",1,1],["prod","READY",0,1]]'
	json '.stages[0].tasks[0].runs[0] | [.status, .applied]' '["DONE",2]'
	run rollouts list
	code_is 0
	out_has "dev DONE 1/1, prod READY 0/1"
	run rollouts show projects/shop/plans/1/rollout --log
	code_is 0
	out_has "instances/prod/databases/shop"
	out_has "attempt 1 DONE"
	run rollouts list --format json
	json '.rollouts[0].stages[1] | has("tasks")' false
}

test_watch_times_out() {
	run rollouts show 1 --watch --timeout 1s
	code_is 1
	out_has "prod READY 0/1 done"
	out_has "tidegate run projects/shop/plans/1/rollout --stage prod"
	err_has "timed out"
}

test_watch_of_a_reader_that_leaves_is_quiet() {
	(
		sleep 0.2
		"$binary" rollouts show 1 --watch --timeout 5s 2>"$dir/err"
		echo $? >"$dir/watch.code"
	) | true
	for _ in $(seq 20); do
		[ -s "$dir/watch.code" ] && break
		sleep 0.2
	done
	[ "$(cat "$dir/watch.code")" = 1 ] || fault "code $(cat "$dir/watch.code")"
	err_is_empty
}

test_run_needs_a_stage() {
	run run 1
	code_is 2
	err_has "prod is READY"
	run run 99 --stage prod
	code_is 1
}

test_run_and_wait() {
	run run 1 --stage environments/prod --wait --timeout 30s --format json
	code_is 0
	json '[.rollout, .stage, .started, .status]' \
		'["projects/shop/plans/1/rollout","prod",1,"DONE"]'
	err_has "prod DONE 1/1 done"
	run run 1 --stage prod
	code_is 0
	out_has "nothing to start"
	run rollouts show 1 --watch
	code_is 0
	run rollouts show 1 --watch --format json
	code_is 0
	json .status '"DONE"'
	[ "$(wc -l <"$dir/out")" -eq 1 ] || fault "a change is not one line"
}

test_revisions() {
	for t in dev prod; do
		run revisions list instances/$t/databases/shop --format json
		code_is 0
		json '[.revisions[] | [.version, .state]]' '[["1","applied"],["2","applied"]]'
	done
	run revisions list instances/dev/databases/shop
	out_has "migrations/001_orders.sql"
	run revisions show instances/dev/databases/shop 002 --format json
	json '[.version, .statements]' '["2",1]'
	run revisions show instances/dev/databases/shop 3
	code_is 1
	err_has "version '3' is not applied"
	run revisions show instances/dev/databases/shop x
	code_is 2
	run revisions list instances/dev/databases/other
	code_is 1
	[ ! -e "$dir/dev/other.db" ] || fault "a reading command made a database"
}

test_revisions_resolve() {
	t=instances/dev/databases/shop
	sqlite3 "$dir/dev/shop.db" "INSERT INTO tidegate_revision(version, path, state, applied_ms,
		statements, statements_done, in_flight, probe)
		VALUES ('9', 'm/9.sql', 'started', 1, 3, 1, 2, 'index x: absent')"
	run revisions list $t
	out_has 'started 1/3, 2 in flight'
	run revisions show $t 9
	out_has 'index x: absent'
	run revisions resolve $t 9
	code_is 2
	run revisions resolve $t 9 --applied --not-applied
	code_is 2
	run revisions resolve $t 9 --from-statement 0
	code_is 2
	run revisions resolve $t 2 --applied
	code_is 3
	err_has "version '2' is not unfinished"
	run revisions resolve $t 9 --applied --reason 'it is there' --format json
	code_is 0
	json '[.version, .resolved, .reason, .before.in_flight, .after.statements_done, .after.in_flight]' \
		'["9","applied","it is there",2,2,null]'
	run revisions resolve $t 9 --not-applied
	code_is 3
	err_has 'no statement of version'
	run revisions resolve $t 9 --from-statement 3
	code_is 0
	out_has After
	run revisions resolve $t 9 --all-applied
	code_is 0
	[ "$(sqlite3 "$dir/dev/shop.db" "DELETE FROM tidegate_revision WHERE version = '9' AND state = 'applied'
		RETURNING 1")" = 1 ] || fault 'it is not applied'
	run revisions resolve instances/prod/databases/shop 9 --applied
	code_is 3
}

test_replay() {
	run replay "$delivery" --dry-run --format json
	code_is 0
	json .would '"release"'
	run replay "$delivery" --wait --timeout 30s --format json
	code_is 0
	json '.replays[0] | [.delivery, .state]' "[\"$delivery\",\"released\"]"
	run replay 999999
	code_is 1
	run replay --since 1h
	code_is 0
	err_has "nothing to replay"
	run replay --since 1h --state queued
	code_is 2
	[ "$(sqlite3 "$dir/dev/shop.db" 'SELECT count(*) FROM orders')" -eq 1 ] ||
		fault "a migration ran twice"
}

# The review runs scripts on empty copies: only rows can fail what it let through.
test_failure_and_retry() {
	for stage in dev prod; do
		sqlite3 "$dir/$stage/shop.db" 'CREATE TABLE missing(id INTEGER UNIQUE); INSERT INTO missing VALUES (1)'
	done
	sqlite3 "$dir/prod/shop.db" 'DELETE FROM missing'
	echo 'INSERT INTO missing VALUES (1);' >"$dir/work/migrations/003_bad.sql"
	commit_all 'bad'
	run simulate app merge --commit "$sha" --number 8 --url "$url"
	code_is 0
	for _ in $(seq 100); do
		run rollouts show 2
		[ "$code" -eq 0 ] && break
		sleep 0.1
	done
	run rollouts show 2 --watch --timeout 30s
	code_is 1
	out_has "dev FAILED 0/1 done, 1 failed"
	err_has "missing"
	run run 2 --stage prod
	code_is 3
	err_has "dev"
	sqlite3 "$dir/dev/shop.db" 'DELETE FROM missing'
	run retry 2 --stage dev --wait --timeout 30s --format json
	code_is 0
	json '[.stage, .retried, .status]' '["dev",1,"DONE"]'
	run retry 2
	code_is 0
	out_has "nothing to retry"
	run retry 2 --task 999999
	[ "$code" -ne 2 ] || fault "an unknown task is no usage error"
	run retry 2 --task projects/shop/plans/1/rollout/stages/dev/tasks/1
	code_is 2
	err_has "is no task of this rollout"
}

# send_signed FILE ID: as the provider does, with curl
send_signed() {
	signature=$(openssl dgst -sha256 -hmac 'a secret of the tests' <"$1" | sed 's/.*= *//')
	curl -s -o /dev/null -H 'Content-Type: application/json' \
		-H 'X-GitHub-Event: pull_request' -H "X-GitHub-Delivery: $2" \
		-H "X-Hub-Signature-256: sha256=$signature" --data-binary "@$1" "$url"
}

test_replay_since() {
	send_signed "$fixtures/merge-foreign.json" foreign
	for _ in $(seq 100); do
		run deliveries list --state refused --format json
		[ "$(jq '.deliveries | length' <"$dir/out")" -eq 1 ] && break
		sleep 0.1
	done
	json '[.deliveries[].external_id]' '["foreign"]'
	run replay --since 1h --state refused --wait --timeout 30s --format json
	code_is 3
	json '[.replays[].state]' '["refused"]'
	first=$(jq -r '.replays[0].replay' <"$dir/out")
	# of the two that are refused now, the newest attempt is taken
	run replay --since 1h --state refused --repository app --wait --timeout 30s --format json
	code_is 3
	json '[.replays[].delivery]' "[\"$first\"]"
}

test_hostile_title_in_lists() {
	title=$(printf 'x\033[2J\033]0;owned\007\342\200\256y')
	jq --arg s "$sha" '.pull_request.merge_commit_sha = $s' "$fixtures/merge-hostile.json" \
		>"$dir/hostile.json"
	send_signed "$dir/hostile.json" hostile
	echo '-- more' >>"$dir/work/migrations/004_more.sql"
	echo 'SELECT 1;' >>"$dir/work/migrations/004_more.sql"
	commit_all 'more'
	run simulate app merge --commit "$sha" --number 9 --url "$url" --title "$title"
	code_is 0
	for _ in $(seq 100); do
		run releases list --format json
		[ "$(jq '.releases | length' <"$dir/out")" -eq 3 ] && break
		sleep 0.1
	done
	json '.releases | length' 3
	for c in deliveries releases plans rollouts; do
		run $c list
		code_is 0
		no_raw_bytes out
	done
	run releases list
	out_has 'x\x1b[2J\x1b]0;owned\x07\u{202e}y'
}

test_store_of_another_user() {
	if [ "$(id -u)" -ne 0 ]; then
		chmod 000 "$dir/store"
		run deliveries list
		chmod 700 "$dir/store"
	else
		chmod 755 "$dir"
		chmod 700 "$dir/store"
		chmod 644 "$dir/tidegate.yaml"
		setpriv --reuid 65534 --regid 65534 --clear-groups "$binary" -c \
			"$dir/tidegate.yaml" deliveries list >"$dir/out" 2>"$dir/err"
		code=$?
		last="tidegate deliveries list, as nobody"
	fi
	code_is 1
	out_is_empty
	err_has "is not open to this user"
}

test_daemon_ends() {
	kill -TERM "$daemon"
	wait "$daemon"
	code=$?
	daemon=
	code_is 0
	[ ! -s "$dir/serve.out" ] || fault "the daemon wrote to stdout"
	run deliveries list --limit 1
	code_is 0
	run simulate app ping --url "$url"
	code_is 1
	err_has "no answer"
	run replay "$delivery" --wait --timeout 300ms
	code_is 1
	err_has "timed out waiting for delivery"
}
