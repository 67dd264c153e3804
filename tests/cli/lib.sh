# SPDX-License-Identifier: Apache-2.0
# what the tests of run.sh are written with
# shellcheck shell=sh disable=SC2154,SC2034

# run ARGUMENT...: the program, its output in out and err, its code in $code
run() {
	"$binary" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	code=$?
	last="tidegate $*"
}

fault() {
	echo "# $current: $*" >&2
	echo "# after: $last (code $code)" >&2
	sed 's/^/#   out: /' "$dir/out" | head -20 >&2
	sed 's/^/#   err: /' "$dir/err" | head -20 >&2
	broken=1
}

code_is() { [ "$code" -eq "$1" ] || fault "code $code, expected $1"; }
out_has() { grep -qF -- "$1" "$dir/out" || fault "stdout lacks '$1'"; }
err_has() { grep -qF -- "$1" "$dir/err" || fault "stderr lacks '$1'"; }
out_is_empty() { [ ! -s "$dir/out" ] || fault "stdout is not empty"; }
err_is_empty() { [ ! -s "$dir/err" ] || fault "stderr is not empty"; }
is() { [ "$1" = "$2" ] || fault "got '$1', expected '$2'"; }
no_raw_bytes() {
	if LC_ALL=C tr -d '\n\040-\176' <"$dir/$1" | grep -q .; then
		fault "$1 holds control or non-ASCII bytes"
	fi
}

# json PATH VALUE: the value at PATH (jq's words) of the JSON on stdout
json() {
	got=$(jq -c "$1" <"$dir/out" 2>&1)
	[ "$got" = "$2" ] || fault "$1 is $got, expected $2"
}

dry() {
	event=$1 file=$2
	shift 2
	run replay --dry-run --provider github --event "$event" --body "$fixtures/$file" "$@"
}

test_it() {
	current=$1
	broken=0
	code=0
	last=
	: >"$dir/out"
	: >"$dir/err"
	"test_$1"
	cd "$dir" || exit 2
	if [ "$broken" -eq 0 ]; then
		echo "ok $1"
		passed=$((passed + 1))
	else
		echo "not ok $1"
		failed=$((failed + 1))
	fi
}
