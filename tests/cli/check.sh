# SPDX-License-Identifier: Apache-2.0
# `tidegate check` on the files of a checkout: findings in each form, the policy, hostile names
# shellcheck shell=sh disable=SC2154,SC2034

# checked: a fresh directory with a PostgreSQL target that cannot be reached, and three migrations
checked() {
	work=$dir/checked
	rm -rf "$work"
	mkdir -p "$work/migrations" && cd "$work" || exit 2
	unset GITHUB_ACTIONS GITLAB_CI BITBUCKET_BUILD_NUMBER TF_BUILD
	cat >tidegate.yaml <<-'YAML'
		environments: [{id: dev}]
		instances: [{id: pg, environment: dev, url: "postgresql://nobody@127.0.0.1:1"}]
		projects: [{id: shop}]
	YAML
	echo "create table t(id bigint primary key);" >migrations/001__t.sql
	printf 'insert into t(id) values (1), (2);\n  delete from old;\n' >migrations/002__rows.sql
	printf 'select 1;\n selct 2;\n' >migrations/003__bad.sql
	target=instances/pg/databases/shop
}

# check ARGUMENT...: without a database
check() { run check --targets "$target" --offline "$@"; }

test_check_tells_what_it_found() {
	checked
	check
	code_is 3
	out_has "File migrations/002__rows.sql"
	out_has "  2:3      warning  require-where: "
	out_has "safer:"
	out_has '  2:2      error    syntax: syntax error at or near "selct"'
	out_has "Refused: 1 error, 1 warning"
	out_has "risk MODERATE"
}

test_check_policies() {
	checked
	check --check-release SKIP
	code_is 0
	check --check-release FAIL_ON_ERROR
	code_is 3
	rm migrations/003__bad.sql
	check
	code_is 0
	out_has "Passed: 0 errors, 1 warning"
	check --check-release FAIL_ON_ERROR
	code_is 0
	check --check-release FAIL_ON_WARNING
	code_is 3
	sed -i 's/{id: dev}/{id: dev, fail_on: warning}/' tidegate.yaml
	check
	code_is 3
	check --check-release MAYBE
	code_is 2
	check --custom-rules "be nice"
	code_is 2
	err_has "language model"
	check --format xml
	code_is 2
	err_has "sarif"
}

test_check_json() {
	checked
	check --format json --output made/out.json
	code_is 3
	json '.results | map(.file)' '["migrations/001__t.sql","migrations/002__rows.sql","migrations/003__bad.sql"]'
	json '.results[0].target' "\"$target\""
	json '.results[1].advices[0] | [.status, .ruleType, .startPosition.line, .startPosition.column]' '["WARNING","PARSER_BASED",2,3]'
	json '.results[2].advices[0] | [.status, .code]' '["ERROR",201]'
	json '.results[1].riskLevel' '"MODERATE"'
	json '.affectedRows | type' '"string"'
	json '.riskLevel' '"MODERATE"'
	jq -S . "$dir/out" >one.json
	jq -S .checkResults made/out.json >two.json
	cmp -s one.json two.json || fault "--output is not what was printed"
}

test_check_sarif() {
	checked
	check --format sarif
	code_is 3
	json .version '"2.1.0"'
	json '.runs | length' 1
	json '.runs[0].tool.driver.name' '"tidegate"'
	json '[.runs[0].tool.driver.rules[] | select((.id | type) != "string" or (.help.text | length) == 0 or (.shortDescription.text | length) == 0)]' '[]'
	json '.runs[0] | .tool.driver.rules as $rules | [.results[] | select($rules[.ruleIndex].id != .ruleId)]' '[]'
	json '[.runs[0].results[] | select(.level as $l | ["error", "warning", "note", "none"] | index($l) | not)]' '[]'
	json '[.runs[0].results[] | select((.message.text | length) == 0 or (.partialFingerprints["tidegate/v1"] | length) != 64)]' '[]'
	json '.runs[0].results[-1].locations[0].physicalLocation | [.artifactLocation.uri, .region.startLine, .region.startColumn]' '["migrations/003__bad.sql",2,2]'
	cp "$dir/out" before.json
	printf '\n\n%s\n' "$(cat migrations/003__bad.sql)" >moved && mv moved migrations/003__bad.sql
	check --format sarif
	json '.runs[0].results[-1].locations[0].physicalLocation.region.startLine' 4
	json '.runs[0].results[-1].partialFingerprints' "$(jq -c '.runs[0].results[-1].partialFingerprints' before.json)"
}

test_check_github() {
	checked
	check --format github
	code_is 3
	out_has '::error file=migrations/003__bad.sql,line=2,col=2,title=Syntax error (syntax)::syntax error at or near "selct"%0A'
	out_has "::warning file=migrations/002__rows.sql,line=2,col=3,title="
	out_has "Refused: "
}

test_check_azure() {
	checked
	check --format azure
	code_is 3
	out_has '##vso[task.logissue type=error;sourcepath=migrations/003__bad.sql;linenumber=2;columnnumber=2;code=syntax;]syntax error at or near "selct"%0A'
	out_has "##vso[task.logissue type=warning;sourcepath=migrations/002__rows.sql;linenumber=2;columnnumber=3;code=require-where;]"
}

test_check_gitlab() {
	checked
	check --format gitlab
	code_is 3
	json '[.[] | select((.description | length) == 0 or (.fingerprint | length) != 64 or (.location.lines.begin | type) != "number")]' '[]'
	json '.[-1] | [.check_name, .severity, .location.path, .location.lines.begin]' '["syntax","critical","migrations/003__bad.sql",2]'
	json '[.[].fingerprint] | length == (unique | length)' true
}

test_check_bitbucket() {
	checked
	check --format bitbucket
	code_is 3
	json '.report | [.report_type, .result, .reporter]' '["TEST","FAILED","tidegate"]'
	json '.annotations[0] | [.annotation_type, .severity, .result, .path, .line]' '["CODE_SMELL","HIGH","FAILED","migrations/003__bad.sql",2]'
	json '[.annotations[] | select((.summary | length) > 450)]' '[]'
}

test_check_asks_the_environment() {
	checked
	GITHUB_ACTIONS=true check
	out_has "::error file="
	TF_BUILD=True check
	out_has "##vso[task.logissue type=error;"
	GITLAB_CI=true check
	out_has "Refused: "
	err_has "bytebase_codequality.json"
	is "$(jq -r '.[-1].check_name' bytebase_codequality.json)" syntax
	BITBUCKET_BUILD_NUMBER=7 check
	is "$(jq -r .report.result tidegate_bitbucket.json)" FAILED
	GITHUB_ACTIONS=true check --format table
	if grep -q '^::' "$dir/out"; then fault "the format that was asked for is not the one"; fi
	check --format sarif --report reports/x.sarif
	out_has "Refused: "
	is "$(jq -r .version reports/x.sarif)" 2.1.0
}

# a name and a statement that would be commands to a runner
test_check_escapes_what_others_wrote() {
	checked
	rm migrations/*
	evil="migrations/001__##vso[task.setvariable variable=x]y
::error file=a::%0Ab.sql"
	printf 'select "##vso[task.complete]\n::stop-commands::x";\nselct 1;' >"$evil"
	echo x >"migrations/##[error]notes
::error::z.sql"
	for format in table json sarif github gitlab bitbucket azure; do
		check --format $format
		code_is 3
		if grep -h '^ *::' "$dir/out" "$dir/err" | grep -v '^::error file=migrations/001__'; then fault "$format: a command of GitHub's"; fi
		if grep -h '##' "$dir/out" "$dir/err" | grep -v '^##vso\[task.logissue type=error;sourcepath=migrations/001__[^]]*code=[a-z-]*;\][^#]*$'; then fault "$format: a command of Azure's"; fi
		case $format in
		json) json '.results[0].file' "$(jq -nc --arg f "$evil" '$f')" ;;
		gitlab) json '.[0].location.path' "$(jq -nc --arg f "$evil" '$f')" ;;
		esac
	done
	check --format github
	is "$(grep -c '^::error file=' "$dir/out")" "$(grep -c '^::' "$dir/out")"
}

test_check_lists_its_rules() {
	run check --list-rules --format json
	code_is 0
	json '[.rules[] | select((.why | length) == 0 or (.title | length) == 0)]' '[]'
	json '[.rules[].id] | length == (unique | length)' true
	run check --list-rules
	out_has "require-where"
	run check --explain require-where
	code_is 0
	out_has "Why"
	run check --explain requirewhere
	code_is 2
	err_has "did you mean 'require-where'?"
}

test_check_without_a_database_that_answers() {
	checked
	run check --targets "$target"
	code_is 3
	out_has "target-unreachable"
	out_has "  2:2      error    syntax: "
}

test_check_without_migrations() {
	checked
	rm migrations/*
	check --format sarif
	code_is 0
	json '.runs[0].results' '[]'
	err_has "no migration"
	echo "select 1;" >migrations/001__a.sql
	echo "select 1;" >migrations/1__b.sql
	check
	code_is 3
	err_has "1__b.sql"
}

# what is applied, and what a database knows of its tables
test_check_postgres() {
	if [ -z "${TIDEGATE_TEST_PG:-}" ]; then
		fault "TIDEGATE_TEST_PG is not set: tests/run starts a server"
		return
	fi
	checked
	psql -qX "$TIDEGATE_TEST_PG/postgres" -c "drop database if exists cli_check" -c "create database cli_check" 2>/dev/null
	sed -i "s|postgresql://nobody@127.0.0.1:1|$TIDEGATE_TEST_PG|" tidegate.yaml
	psql -qX "$TIDEGATE_TEST_PG/cli_check" -c "create table old(id int)"
	target=instances/pg/databases/cli_check
	rm migrations/003__bad.sql
	run check --targets "$target" --format json
	code_is 0
	json '.results | length' 2
	run rollout --targets "$target" --target-stage dev
	code_is 0
	run check --targets "$target" --format json
	code_is 0
	json '.results | length' 0
	echo "-- edited" >>migrations/001__t.sql
	run check --targets "$target"
	code_is 3
	out_has "edited-file"
	is "$(psql -qXAt "$TIDEGATE_TEST_PG/cli_check" -c 'select count(*) from tidegate.revision')" 2
	psql -qX "$TIDEGATE_TEST_PG/postgres" -c "drop database cli_check"
}
