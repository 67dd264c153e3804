# SPDX-License-Identifier: Apache-2.0
# Completion of tidegate for bash: commands, verbs, options, and the words that options take. Things
# of the store (deliveries, rollouts) are not looked up: a key press must not wait for a disk.
# Installed as /usr/share/bash-completion/completions/tidegate.

# The words before the cursor that are no options: command and verb. An option's value is skipped.
_tidegate_words() {
	local i word
	command='' verb=''
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		-c | --config | --format | --role | --state | --repository | --since | --limit | \
			--to | --timeout | --body | --provider | --event | --header | --commit | \
			--number | --title | --author | --author-id | --branch | --url | \
			--secret-index | --delivery-id | --project | --stage | --task | --from-statement | --reason | \
			--comment | --not-before | --object | --instance | --group | --from | --table | \
			--file | --release | --file-pattern | --targets | --output | --report | \
			--check-release | --explain | --target-stage | --plan)
			[[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))
			((i++))
			;;
		-* | =) ;;
		*)
			if [[ -z $command ]]; then
				command=$word
			elif [[ -z $verb ]]; then
				verb=$word
			fi
			;;
		esac
	done
}

_tidegate_options() {
	local common='-c --config --format -v --verbose -h --help --version'
	case "$command $verb" in
	'serve '*) echo "$common --role" ;;
	'config check') echo "$common --secrets" ;;
	'hook install') echo "$common --repository --force --print" ;;
	'hook post-receive') echo "$common --repository" ;;
	'simulate '*)
		echo "$common --commit --number --title --author --author-id --branch --url" \
			"--secret-index --delivery-id --repeat --print"
		;;
	'replay '*)
		echo "$common --since --state --repository --to --wait --timeout --dry-run --body" \
			"--provider --event --header"
		;;
	'check '*)
		echo "$common --local --file-pattern --targets --project --output --url --timeout" \
			"--service-account --service-account-secret --access-token --custom-header" \
			"--declarative --check-release --offline --report --list-rules --explain" \
			"--custom-rules"
		;;
	'rollout '*)
		echo "$common --local --file-pattern --targets --project --output --url --timeout" \
			"--service-account --service-account-secret --access-token --custom-header" \
			"--declarative --target-stage --dry-run --release-id-template" \
			"--release-id-timezone --plan"
		;;
	'approve '*) echo "$common --stage --comment --project" ;;
	'run '*)
		echo "$common --stage --task --not-before --force --wait --timeout --project"
		;;
	'skip '* | 'cancel '*) echo "$common --stage --task --reason --project" ;;
	'audit '*) echo "$common --since --object --limit" ;;
	'retry '*) echo "$common --stage --task --wait --timeout --project" ;;
	'deliveries show') echo "$common --body" ;;
	'deliveries fetch-missed') echo "$common --repository --since --dry-run" ;;
	'deliveries '*) echo "$common --state --repository --since --limit" ;;
	'rollouts show') echo "$common --watch --timeout --log --drift --project" ;;
	'databases '*) echo "$common --instance --group" ;;
	'revisions baseline')
		echo "$common --version --file-pattern --release --project --reason --dry-run"
		;;
	'revisions adopt')
		echo "$common --from --table --file --file-pattern --release --project --reason" \
			"--dry-run"
		;;
	'revisions resolve')
		echo "$common --applied --not-applied --from-statement --all-applied --reason"
		;;
	'users '*) echo "$common --all" ;;
	'releases show') echo "$common --project" ;;
	'plans show') echo "$common --drift --project" ;;
	'releases '* | 'plans '* | 'rollouts '*) echo "$common --project --limit" ;;
	*) echo "$common" ;;
	esac
}

_tidegate() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local command verb words=''
	local commands='serve config hook simulate replay check rollout approve run retry skip cancel deliveries releases plans rollouts
		databases revisions users audit help version'

	COMPREPLY=()
	# "--format=js" comes as three words
	if [[ $current == = ]]; then
		current=''
	elif [[ $previous == = && $COMP_CWORD -gt 1 ]]; then
		previous=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	_tidegate_words
	case $previous in
	-c | --config | --body | --output | --report | --file)
		# with `deliveries show`, --body takes no value
		if [[ $previous != --body || $command != deliveries ]]; then
			compopt -o filenames 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -f -- "$current")
			return
		fi
		;;
	--format)
		words='table json'
		[[ $command == users || $command == audit ]] && words+=' csv'
		[[ $command == check ]] && words+=' sarif github gitlab bitbucket azure'
		;;
	--role) words='all' ;;
	--from) words='flyway goose golang-migrate dbmate bytebase' ;;
	--check-release) words='SKIP FAIL_ON_WARNING FAIL_ON_ERROR' ;;
	--state) words='queued processing released ignored refused failed' ;;
	--provider) words='github gitlab bitbucket bitbucket-server azure gitea git' ;;
	--event) words='pull_request push ping' ;;
	--since | --limit | --repository | --to | --timeout | --header | --commit | --number | \
		--title | --author | --author-id | --branch | --url | --secret-index | \
		--delivery-id | --project | --stage | --task | --comment | --not-before | --object | \
		--file-pattern | --targets | \
		--service-account | --service-account-secret | --access-token | \
		--custom-header | --target-stage | --release-id-template | \
		--release-id-timezone | --plan | --explain | --custom-rules | --from-statement | --reason | \
		--instance | --group | --table | --release)
		return
		;;
	esac
	if [[ -z $words ]]; then
		case "$current,$command,$verb" in
		-*) words=$(_tidegate_options) ;;
		*,,) words=$commands ;;
		*,help,) words=$commands ;;
		*,config,) words='check show' ;;
		*,help,config) words='check show' ;;
		*,hook, | *,help,hook) words='install post-receive work' ;;
		*,hook,install)
			compopt -o filenames 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -d -- "$current")
			return
			;;
		*,deliveries, | *,help,deliveries) words='list show fetch-missed' ;;
		*,revisions, | *,help,revisions) words='list show resolve baseline adopt' ;;
		*,releases, | *,plans, | *,rollouts,) words='list show' ;;
		*,help,releases | *,help,plans | *,help,rollouts) words='list show' ;;
		*,databases, | *,help,databases | *,users, | *,help,users | *,audit, | *,help,audit) words='list' ;;
		*,simulate,?*) words='merge push ping' ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _tidegate tidegate
