# SPDX-License-Identifier: Apache-2.0
# `tidegate rollout` on the files of a checkout, with real databases
# shellcheck shell=sh disable=SC2154,SC2034

# checkout: a fresh directory with two stages, three SQLite databases and two migrations
checkout() {
	work=$dir/checkout
	rm -rf "$work"
	mkdir -p "$work/migrations" "$work/db" && cd "$work" || exit 2
	cat >tidegate.yaml <<-'YAML'
		environments:
		  - {id: dev,  rollout: automatic}
		  - {id: prod, rollout: manual}
		instances:
		  - {id: dev,  environment: dev,  url: "sqlite:db"}
		  - {id: prod, environment: prod, url: "sqlite:db"}
		projects:
		  - {id: shop}
	YAML
	echo "create table t(a int);" >migrations/001__t.sql
	echo "insert into t values (1), (2);" >migrations/002__rows.sql
	for name in dev one two; do sqlite3 "db/$name.db" vacuum; done
	dev=instances/dev/databases/dev
	all=$dev,instances/prod/databases/one,instances/prod/databases/two
}

rows() { sqlite3 "db/$1.db" "select count(*) from t" 2>&1; }
versions() { sqlite3 "db/$1.db" "select group_concat(version, ' ') from (select version from tidegate_revision order by version)" 2>&1; }
left_behind() { find "$dir/tmp" -mindepth 1 2>/dev/null; }

test_rollout_only_looks_without_a_stage() {
	checkout
	run rollout --targets "$all"
	code_is 0
	out_has "instances/prod/databases/two"
	out_has "migrations/001__t.sql, migrations/002__rows.sql"
	err_has "--target-stage environments/dev"
	is "$(sqlite3 db/dev.db .tables)" ""
}

test_rollout_runs_through_the_stage() {
	checkout
	mkdir -p "$dir/tmp"
	TMPDIR=$dir/tmp run rollout --targets "$dev" --targets "$all" --target-stage environments/dev --output made/out.json
	code_is 0
	is "$(rows dev)" 2
	is "$(versions dev)" "1 2"
	is "$(sqlite3 db/one.db .tables)" ""
	err_has "dev: $dev: done: 2 applied, 0 there before"
	is "$(left_behind)" ""
	is "$(jq -r 'keys | join(" ")' made/out.json)" "plan release rollout"
	is "$(jq -r '.rollout' made/out.json)" "$(jq -r '.plan' made/out.json)/rollout"
	run rollout --targets "$all" --target-stage prod
	code_is 0
	is "$(rows dev)$(rows one)$(rows two)" 222
	err_has "0 applied, 2 there before"
}

test_rollout_json() {
	checkout
	run rollout --targets "$all" --target-stage prod --format json
	code_is 0
	json '.release.files | map(.version)' '["1","2"]'
	json '.release.files[0].sheetSha256 | length' 64
	json '.release.type' '"VERSIONED"'
	json '.plan.specs[0].changeDatabaseConfig.release == .release.name' true
	json '.plan.specs[0].changeDatabaseConfig.targets | length' 3
	json '.rollout.stages | map(.environment)' '["environments/dev","environments/prod"]'
	json '[.rollout.stages[].tasks[].status]' '["DONE","DONE","DONE"]'
	json '.rollout.stages[0].tasks[0].databaseUpdate.release == .release.name' true
	json '[.targets[] | [.applied, .present, .left]] | unique' '[[2,0,0]]'
}

test_rollout_stops_at_a_failure() {
	checkout
	printf 'insert into t values (3);\ninsert into u values (1);\n' >migrations/003__bad.sql
	run rollout --targets "$all" --target-stage prod --output out.json
	code_is 1
	err_has "migrations/003__bad.sql:2:"
	err_has "goes on with what each database lacks"
	out_has "FAILED"
	is "$(rows dev)" 2
	is "$(versions dev)" "1 2"
	is "$(sqlite3 db/one.db .tables)" ""
	is "$(jq -r '.release' out.json | cut -d/ -f1-3)" "projects/shop/releases"
	echo "create table u(a int); insert into u values (1);" >migrations/003__bad.sql
	run rollout --targets "$all" --target-stage prod --format json
	code_is 0
	json '.targets[0] | [.applied, .present]' '[1,2]'
}

# Without a daemon there is no store: a file that stopped in the middle is settled all the same.
test_rollout_goes_on_after_resolve() {
	checkout
	run rollout --targets "$dev" --target-stage dev
	code_is 0
	printf 'insert into t values (3);\nvacuum;\n' >migrations/003__vacuum.sql
	sqlite3 db/dev.db "INSERT INTO tidegate_revision(version, path, sha256, state, applied_ms,
		statements, statements_done) VALUES ('3', 'migrations/003__vacuum.sql', 'other', 'started', 1, 3, 2)"
	run rollout --targets "$dev" --target-stage dev
	code_is 3
	err_has "revisions resolve"
	run revisions resolve $dev 3 --from-statement 2 --reason 'the first one is there'
	code_is 0
	err_has "no entry in the audit log, for there is no store"
	run rollout --targets "$dev"
	out_has "migrations/003__vacuum.sql (unfinished)"
	run rollout --targets "$dev" --format json
	json '.targets[0].toRun' '["migrations/003__vacuum.sql"]'
	run rollout --targets "$dev" --target-stage dev
	code_is 0
	is "$(rows dev) $(versions dev)" "2 1 2 3"
}

test_rollout_refuses_an_edited_file() {
	checkout
	run rollout --targets "$dev" --target-stage dev
	echo "create table t(a int, b int);" >migrations/001__t.sql
	run rollout --targets "$dev"
	code_is 3
	out_has "migrations/001__t.sql"
	run rollout --targets "$dev" --target-stage dev
	code_is 3
	err_has "migrations/001__t.sql"
	is "$(versions dev)" "1 2"
}

test_rollout_leaves_out_what_is_no_migration() {
	checkout
	echo x >migrations/003__t.down.sql
	echo x >migrations/notes.sql
	ln -s 001__t.sql migrations/004__link.sql
	mkdir migrations/.git && echo x >migrations/.git/005__hidden.sql
	run rollout --targets "$dev" --target-stage dev --format json
	code_is 0
	err_has "'migrations/003__t.down.sql' is left out"
	err_has "'migrations/notes.sql' is left out"
	json '.release.files | length' 2
}

test_rollout_knows_the_commit() {
	checkout
	git init -q . && git add migrations && git -c user.name=t -c user.email=t@t commit -qm "Add t"
	run rollout --targets "$dev" --target-stage dev --format json
	code_is 0
	err_has "dev: done"
	json .plan.title '"Add t"'
	is "$(sqlite3 db/dev.db 'select distinct commit_id from tidegate_revision')" "$(git rev-parse HEAD)"
	echo "-- more" >>migrations/002__rows.sql
	run rollout --targets "$dev"
	err_has "'migrations/002__rows.sql' is not as in commit"
}

test_rollout_says_what_is_wrong() {
	checkout
	run rollout
	code_is 2
	err_has "which databases? give --targets"
	run rollout --url https://example.com
	code_is 2
	err_has "--url is not supported by this version"
	run rollout --plan projects/shop/plans/1
	code_is 2
	run rollout --targets instances/none/databases/x
	code_is 2
	run rollout --targets "$dev" --target-stage staging
	code_is 2
	run rollout --targets "$dev" --project other
	code_is 2
	run rollout --targets "$dev" --release-id-template "x{iteration}"
	code_is 2
	run rollout --targets "$dev" --file-pattern 'nothing/*.sql'
	code_is 1
	err_has "no migration"
	run rollout --targets instances/dev/databases/gone
	code_is 1
	out_has "gone"
	run rollout --targets "$dev" --target-stage prod
	code_is 0
	err_has "no database is of environment 'prod'"
}

test_rollout_interrupted_applies_no_half() {
	checkout
	mkdir -p "$dir/tmp"
	printf 'insert into t values (3);\nwith recursive n(i) as (select 1 union all select i + 1 from n) insert into t select i from n where i < 0;\n' >migrations/003__long.sql
	TMPDIR=$dir/tmp "$binary" rollout --targets "$all" --target-stage prod >out 2>err &
	pid=$!
	for _ in $(seq 100); do
		[ "$(versions dev 2>/dev/null)" = "1 2" ] && break
		sleep 0.1
	done
	sleep 0.3
	kill -INT "$pid"
	wait "$pid"
	code=$?
	cp out "$dir/out"
	cp err "$dir/err"
	last="rollout interrupted"
	code_is 130
	err_has "stopped: what ran is rolled back"
	out_has "$dev"
	is "$(rows dev)" 2
	is "$(versions dev)" "1 2"
	is "$(sqlite3 db/one.db .tables)" ""
	is "$(left_behind)" ""
}

# nobody has to wait for a rollback that takes long: the second signal ends the process
test_rollout_interrupted_twice_ends_at_once() {
	checkout
	mkdir -p "$dir/tmp"
	# a server that is asked, and never answers: the cancel is not heard either
	python3 -c 'import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(8)
open("port", "w").write(str(s.getsockname()[1])); time.sleep(60)' &
	deaf=$!
	for _ in $(seq 50); do [ -s port ] && break; sleep 0.1; done
	sed -i "s|url: \"sqlite:db\"|url: \"postgresql://nobody@127.0.0.1:$(cat port)\"|" tidegate.yaml
	TMPDIR=$dir/tmp "$binary" rollout --targets "$dev" --target-stage dev >out 2>err &
	pid=$!
	for _ in $(seq 50); do grep -q "dev: 1 database" err && break; sleep 0.1; done
	sleep 0.3
	kill -INT "$pid"
	for _ in $(seq 50); do grep -q "once more ends at once" err && break; sleep 0.1; done
	kill -INT "$pid"
	began=$(date +%s)
	wait "$pid"
	code=$?
	kill "$deaf"
	wait "$deaf" 2>/dev/null
	cp err "$dir/err"
	last="rollout interrupted twice"
	code_is 130
	[ $(($(date +%s) - began)) -lt 5 ] || fault "it took its time"
	is "$(left_behind)" ""
}

test_rollout_shows_progress_on_a_terminal() {
	checkout
	last="rollout in a terminal"
	TERM=xterm script -qec "$binary rollout --targets $all --target-stage prod" /dev/null >"$dir/out" 2>"$dir/err" </dev/null
	code=$?
	code_is 0
	out_has "1/1 done"
	out_has "[?7l"
	TERM=xterm NO_COLOR=1 script -qec "$binary rollout --targets $all --target-stage prod" /dev/null >"$dir/out" 2>"$dir/err" </dev/null
	if grep -q '\[3[0-9]m' "$dir/out"; then fault "colours in spite of NO_COLOR"; fi
}

# the same with a server, where a long statement is cancelled
test_rollout_postgres() {
	if [ -z "${TIDEGATE_TEST_PG:-}" ]; then
		fault "TIDEGATE_TEST_PG is not set: tests/run starts a server"
		return
	fi
	checkout
	psql -qX "$TIDEGATE_TEST_PG/postgres" -c "drop database if exists cli_rollout" -c "create database cli_rollout" 2>/dev/null
	cat >tidegate.yaml <<-YAML
		environments:
		  - {id: dev,  rollout: automatic}
		instances:
		  - {id: pg, environment: dev, url: "$TIDEGATE_TEST_PG"}
		projects:
		  - {id: shop}
	YAML
	pg=instances/pg/databases/cli_rollout
	printf 'insert into t values (3);\nselect pg_sleep(60);\n' >migrations/003__long.sql
	"$binary" rollout --targets "$pg" --target-stage dev >out 2>err &
	pid=$!
	for _ in $(seq 100); do
		[ "$(psql -qXAt "$TIDEGATE_TEST_PG/cli_rollout" -c "select count(*) from pg_stat_activity where query like '%pg_sleep%' and pid <> pg_backend_pid()" 2>/dev/null)" = 1 ] && break
		sleep 0.1
	done
	kill -TERM "$pid"
	wait "$pid"
	code=$?
	cp out "$dir/out"
	cp err "$dir/err"
	last="rollout interrupted"
	code_is 130
	is "$(psql -qXAt "$TIDEGATE_TEST_PG/cli_rollout" -c 'select count(*) from t')" 2
	is "$(psql -qXAt "$TIDEGATE_TEST_PG/cli_rollout" -c 'select count(*) from tidegate.revision')" 2
	printf 'insert into t values (3);\n' >migrations/003__long.sql
	echo "create index concurrently t_a on t(a);" >migrations/004__index.sql
	run rollout --targets "$pg" --dry-run --format json
	code_is 0
	json '[.targets[0].files[] | .outcome]' '["TRIED","NOT_TRIED"]'
	json '.targets[0].files[1].why | length > 0' true
	run rollout --targets "$pg" --target-stage dev --format json
	code_is 0
	json '.targets[0] | [.applied, .present]' '[2,2]'
	psql -qX "$TIDEGATE_TEST_PG/postgres" -c "drop database cli_rollout"
}

test_rollout_dry_run_leaves_nothing() {
	checkout
	echo "update t set a = a + 1;" >migrations/003__more.sql
	run rollout --targets "$all" --dry-run --format json
	code_is 0
	err_has "nothing is changed"
	json '.targets | length' 3
	json '[.targets[0].files[] | [.file, .outcome, .statements, .changedRows]]' \
		'[["migrations/001__t.sql","TRIED",1,0],["migrations/002__rows.sql","TRIED",1,2],["migrations/003__more.sql","TRIED",1,2]]'
	is "$(sqlite3 db/dev.db .tables)$(sqlite3 db/one.db .tables)" ""
	run rollout --targets "$all" --dry-run --target-stage dev
	code_is 0
	out_has "migrations/003__more.sql"
	if grep -q databases/one "$dir/out"; then fault "a later stage was tried"; fi
	run rollout --targets "$dev" --target-stage dev
	run rollout --targets "$dev" --dry-run
	code_is 0
	out_has "NOTHING TO DO"
}

test_rollout_dry_run_finds_what_fails() {
	checkout
	printf 'insert into t values (3);\ninsert into u values (1);\n' >migrations/003__bad.sql
	echo "insert into t values (4);" >migrations/004__behind.sql
	run rollout --targets "$dev" --dry-run --format json
	code_is 1
	json '[.targets[0].files[].outcome]' '["TRIED","TRIED","FAILED","NOT_TRIED"]'
	json '.targets[0].files[2] | [.statement, .line]' '[2,2]'
	err_has "1 file could not be tried"
	is "$(sqlite3 db/dev.db .tables)" ""
	run rollout --targets instances/dev/databases/gone --dry-run
	code_is 1
	rm migrations/003__bad.sql migrations/004__behind.sql
	run rollout --targets "$dev" --target-stage dev
	echo "create table t(a int, b int);" >migrations/001__t.sql
	run rollout --targets "$dev" --dry-run
	code_is 3
	out_has "migrations/001__t.sql"
}

test_rollout_of_a_database_group() {
	checkout
	sed -i 's|- {id: shop}|- {id: shop, database_groups: [{id: all, databases: ["*"], exclude: [two]}]}|' tidegate.yaml
	sed -i 's|environment: prod, url: "sqlite:db"|environment: prod, url: "sqlite:prod"|' tidegate.yaml
	mkdir prod && mv db/one.db db/two.db prod/
	run rollout --targets projects/shop/databaseGroups/all --target-stage prod --format json
	code_is 0
	json '[.targets[].target]' '["instances/dev/databases/dev","instances/prod/databases/one"]'
	json '[.targets[].status] | unique' '["DONE"]'
	run rollout --targets "projects/shop/databaseGroups/all,$dev"
	code_is 2
	err_has "stands alone"
	run rollout --targets projects/shop/databaseGroups/none
	code_is 2
}

test_rollout_refuses_stages_with_approvals() {
	checkout
	sed -i 's/rollout: manual}/rollout: manual, approvals: 1}/' tidegate.yaml
	run rollout --targets "$all" --target-stage prod
	code_is 3
	err_has "needs 1 approval"
	is "$(sqlite3 db/dev.db .tables)" ""
	run rollout --targets "$all" --target-stage dev
	code_is 0
	is "$(rows dev)" 2
}

# what README.md tells newcomers to paste
test_rollout_as_the_readme_says() {
	rm -rf "$dir/readme" && mkdir "$dir/readme" && cd "$dir/readme" || exit 2
	awk '/^## Try it without a daemon/ { on = 1 } on && /^```$/ { exit } on && code { print } on && /^```sh$/ { code = 1 }' \
		"$root/README.md" >paste.sh
	is "$(wc -l <paste.sh | tr -d ' ')" 3
	last="the lines of README.md"
	(PATH=$dir:$PATH && . ./paste.sh) >"$dir/out" 2>"$dir/err"
	code=$?
	code_is 0
	is "$(sqlite3 shop/shop.db .tables | tr -s ' \n' ' ')" "item tidegate_revision "
	cd shop || exit 2
	PATH=$dir:$PATH
	run rollout --targets instances/here/databases/shop --target-stage dev
	code_is 0
	err_has "0 applied, 1 there before"
}
