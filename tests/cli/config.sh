# SPDX-License-Identifier: Apache-2.0
# configuration, names, simulate --print: all that needs no daemon
# shellcheck shell=sh disable=SC2154,SC2034

write_config() {
	mkdir -p "$dir/dev" "$dir/prod"
	printf 'a secret of the tests' >"$dir/secret"
	cat >"$dir/tidegate.yaml" <<END
listen: 127.0.0.1:0
store: $dir/store/tidegate.db
environments:
  - {id: dev, rollout: automatic}
  - {id: prod, rollout: manual}
instances:
  - {id: dev, environment: dev, url: "sqlite:$dir/dev"}
  - {id: prod, environment: prod, url: "sqlite:$dir/prod"}
projects:
  - id: shop
repositories:
  - id: app
    provider: github
    full_name: acme/app
    clone_url: file://$dir/app.git
    secrets: [{file: $dir/secret}]
    branch: main
    file_pattern: migrations/**/*.sql
    project: shop
    targets: [instances/dev/databases/shop, instances/prod/databases/shop]
    target_stage: environments/prod
END
}

test_config_missing() {
	(
		cd / && "$binary" config check -c "$dir/nowhere.yaml" >"$dir/out" 2>"$dir/err"
	)
	code=$?
	code_is 2
	err_has "nowhere.yaml"
}

test_config_check() {
	write_config
	run config check -c "$dir/tidegate.yaml"
	code_is 0
	err_is_empty
	out_has "tidegate.yaml: ok: 1 repository, 2 environments, 2 instances, 1 project"
	run config check
	code_is 0
	run --format json config check
	json '[.ok, .repositories, .environments, .instances, .projects, .warnings]' \
		'[true,1,2,2,1,[]]'
	TIDEGATE_CONFIG=$dir/none.yaml "$binary" config check >"$dir/out" 2>"$dir/err"
	code=$?
	code_is 2
}

test_config_error_has_its_place() {
	write_config
	echo 'colour: blue' >>"$dir/tidegate.yaml"
	run config check
	code_is 2
	out_is_empty
	grep -qE 'tidegate\.yaml:[0-9]+:[0-9]+: ' "$dir/err" || fault "no file:line:column"
	err_has "colour"
	write_config
}

test_config_secrets() {
	write_config
	sed -i "s|{file: $dir/secret}|{env: TIDEGATE_TEST_NOT_SET}|" "$dir/tidegate.yaml"
	run config check
	code_is 0
	err_has "warning: "
	err_has "TIDEGATE_TEST_NOT_SET"
	out_has "1 warning"
	run config check --format json
	json '.warnings | length' 1
	run config check --secrets
	code_is 2
	out_is_empty
	run serve
	code_is 2
	write_config
}

test_config_show() {
	write_config
	run config show
	code_is 0
	out_has "full_name: "
	grep -q 'a secret of the tests' "$dir/out" && fault "the secret is printed"
	cp "$dir/out" "$dir/shown.yaml"
	run config check -c "$dir/shown.yaml"
	code_is 0
	run config show --format json
	code_is 0
	json .repositories[0].id '"app"'
	json '[.limits.max_body, .limits.max_connections]' '["25MiB",512]'
}

test_dry_run_as_an_endpoint() {
	write_config
	dry pull_request merge.json --repository app --format json
	code_is 0
	json .would '"release"'
	run replay --dry-run --repository app --event pull_request \
		--body "$fixtures/merge-foreign.json" --format json
	code_is 0
	json .would '"refuse"'
	dry pull_request merge-release.json --repository app --format json
	json .would '"ignore"'
	dry pull_request merge.json --repository nope
	code_is 2
	err_has "there is no repository 'nope' (configured: app)"
}

test_no_store_yet() {
	write_config
	for c in 'deliveries list' 'releases list' 'plans list' 'rollouts list' 'replay 1' \
		'run 1 --stage prod' 'retry 1' 'deliveries show 1'; do
		# shellcheck disable=SC2086
		run $c
		code_is 1
		out_is_empty
		err_has "there is no store"
		err_has "tidegate serve"
	done
	[ ! -e "$dir/store/tidegate.db" ] || fault "a reading command made the store"
}

test_names_are_checked() {
	write_config
	run releases list --project nope
	code_is 2
	err_has "there is no project 'nope' (configured: shop)"
	run rollouts show projects/shop
	code_is 2
	run plans show projects/shop/releases/r1
	code_is 2
	err_has "names a release"
	run releases show projects/shop/plans/1
	code_is 2
	run run 1 --stage nope
	code_is 2
	err_has "there is no environment 'nope' (configured: dev, prod)"
	run revisions list instances/nope/databases/shop
	code_is 2
	run revisions list instances/dev/databases/../../etc/passwd
	code_is 2
	run revisions list shop
	code_is 2
}

test_simulate_print() {
	write_config
	sed -i 's/^listen: .*/listen: "[::]:8420"/' "$dir/tidegate.yaml"
	sha=0a1b2c3d4e5f60718293a4b5c6d7e8f901234567
	run simulate app merge --commit $sha --number 7 --title "it's \$(here)" --print
	code_is 0
	out_has "http://[::1]:8420/webhooks/app"
	out_has "X-Hub-Signature-256: sha256="
	out_has "X-GitHub-Event: pull_request"
	grep -q 'a secret of the tests' "$dir/out" && fault "the secret is printed"
	# the body that the shell makes of it is what was signed, and reads as the event
	body=$(sed '/ |$/{s/ |$//;q;}' "$dir/out")
	sh -c "$body" >"$dir/body"
	signature=$(openssl dgst -sha256 -hmac 'a secret of the tests' <"$dir/body" |
		sed 's/.*= *//')
	out_has "sha256=$signature"
	run replay --dry-run --repository app --event pull_request --body "$dir/body" --format json
	json '[.would, .event.merge_commit, .event.pull_request.number, .event.pull_request.title]' \
		"[\"release\",\"$sha\",7,\"it's \$(here)\"]"
	write_config
}

test_simulate_refuses() {
	write_config
	sha=0a1b2c3d4e5f60718293a4b5c6d7e8f901234567
	run simulate app merge
	code_is 2
	err_has "--commit is missing"
	run simulate app merge --commit main
	code_is 2
	err_has "expected 40"
	run simulate app party --commit $sha
	code_is 2
	err_has "expected merge, push or ping"
	run simulate nope ping
	code_is 2
	run simulate app ping
	code_is 2
	err_has "--url"
	run simulate app ping --secret-index 1 --url http://127.0.0.1:1/webhooks/app
	code_is 2
	err_has "--secret-index 1"
	run simulate app ping --url http://127.0.0.1:1/webhooks/app
	code_is 1
	err_has "no answer from 'http://127.0.0.1:1/webhooks/app'"
	run simulate app ping --url file:///etc/passwd
	code_is 1
	err_has "is no http or https url"
}
