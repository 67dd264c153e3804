#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# rollout.sh BUILD [DATABASES [MIGRATIONS [ROUNDS]]]: how long a rollout over a fleet takes, as a
# ratio to the least that a C program needs, on SQLite and on a PostgreSQL of its own with the
# defaults. BUILD is a release build with -DTIDEGATE_BENCH=ON. Floor and ours take turns, each round
# on databases of its own; medians. Nothing is removed before the end: ext4 is slow in reusing what
# was deleted, and PostgreSQL needs 16 MB for each database and round.
# LARGE=1000 (0: none) is the number of databases of the large fleets; ONLY=sqlite|postgresql.
set -euo pipefail
build=$(cd "${1:?usage: rollout.sh BUILD [DATABASES [MIGRATIONS [ROUNDS]]]}" && pwd)/tests/bench
databases=${2:-200} migrations=${3:-10} rounds=${4:-3}
large=${LARGE:-1000} only=${ONLY:-}
dir=$(mktemp -d "${TMPDIR:-/tmp}/tidegate-rollout.XXXXXX")
server=
finish() {
  if [ -n "$server" ]; then
    kill -INT "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$dir"
}
trap finish EXIT

mkdir "$dir/migrations"
for ((i = 1; i <= migrations; i++)); do
  printf 'create table t_%d (id integer primary key, name text not null);\n' "$i" \
    >"$dir/migrations/$(printf '%05d' "$i")_t$i.sql"
done

# conf NAME URL: a configuration with one environment and one instance, 16 databases at a time.
conf() {
  mkdir -p "$dir/$1"
  cat >"$dir/$1/conf.yaml" <<YAML
store: $dir/$1/store.db
environments: [{id: e, rollout: automatic, max_parallel: 16}]
instances: [{id: i, environment: e, url: "$2"}]
projects: [{id: bench}]
repositories: []
YAML
}

# names PREFIX ROUND COUNT
names() { seq -f "$1_$2_%.0f" 1 "$3"; }
# ours KIND REPOSITORY NAME...: one line of measures
ours() {
  local kind=$1 repository=$2
  shift 2
  "$build/bench_rollout" "$dir/$kind/conf.yaml" "$dir/migrations" "$repository" \
    "${@/#/instances/i/databases/}"
}
field() { sed -n "s/.*\b$1=\([0-9.]*\).*/\1/p"; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# Processor seconds of the server: of itself and of the backends that have ended.
server_cpu() {
  if [ -z "$server" ]; then
    echo 0
  else
    awk -v hz="$(getconf CLK_TCK)" '{ print ($14 + $15 + $16 + $17) / hz }' "/proc/$server/stat"
  fi
}
# measure FILE COMMAND...: run it, add its line with the server's share to FILE
measure() {
  local file=$1 before line
  shift
  before=$(server_cpu)
  line=$("$@")
  [ -z "$server" ] || sleep 0.2
  echo "$line server=$(awk -v a="$before" -v b="$(server_cpu)" 'BEGIN { print b - a }')" >>"$file"
}
# report NAME KEY: medians of floor and ours, and their ratios
report() {
  local f=$dir/$2.floor o=$dir/$2.ours key
  for key in seconds cpu server; do
    printf '%s %s\n' "$(field $key <"$f" | median)" "$(field $key <"$o" | median)"
  done | awk -v name="$1" '
    { floor[NR] = $1; ours[NR] = $2 }
    END {
      printf "%-26s floor %7.3f s  ours %7.3f s  ratio %.2f", name, floor[1], ours[1], ours[1] / floor[1]
      all = floor[2] + floor[3]
      printf "  | processor: floor %.2f+%.2f s, ours %.2f+%.2f s, ratio %.2f\n", floor[2], floor[3],
             ours[2], ours[3], (ours[2] + ours[3]) / all
    }'
}
# alone NAME LINE: what a fleet needs, without a floor
alone() {
  printf '%-26s %7.3f s  processor %.2f s  peak memory %d MiB  threads %d  connections %d\n' "$1" \
    "$(field seconds <<<"$2")" "$(field cpu <<<"$2")" "$(field rss_mib <<<"$2")" \
    "$(field threads <<<"$2")" "$(field sockets <<<"$2")"
}

# rounds KIND: apply and nothing to do, floor and ours in turn
run_rounds() {
  local kind=$1 r own theirs
  for ((r = 1; r <= rounds; r++)); do
    mapfile -t own < <(names ours "$r" "$databases")
    mapfile -t theirs < <(names floor "$r" "$databases")
    "make_$kind" "${own[@]}" "${theirs[@]}"
    measure "$dir/$kind-apply.floor" "floor_$kind" "${theirs[@]}"
    measure "$dir/$kind-apply.ours" ours "$kind" "apply$r" "${own[@]}"
    measure "$dir/$kind-noop.floor" "floor_$kind" "${theirs[@]}"
    measure "$dir/$kind-noop.ours" ours "$kind" "noop$r" "${own[@]}"
  done
  report "$databases $kind apply" "$kind-apply"
  report "$databases $kind nothing to do" "$kind-noop"
}
run_large() {
  local kind=$1 own
  [ "$large" -gt 0 ] || return 0
  mapfile -t own < <(names large 0 "$large")
  "make_$kind" "${own[@]}"
  alone "$large $kind apply" "$(ours "$kind" apply-large "${own[@]}")"
  alone "$large $kind nothing to do" "$(ours "$kind" noop-large "${own[@]}")"
}

# Databases with a write-ahead log, as the floor's.
make_sqlite() {
  python3 -c 'import sqlite3, sys
for name in sys.argv[2:]:
    sqlite3.connect(f"{sys.argv[1]}/{name}.db").execute("pragma journal_mode = wal")' "$dir/lite" "$@"
}
floor_sqlite() {
  local files=("${@/#/$dir/lite/}")
  "$build/floor_sqlite" "$dir/migrations" "${files[@]/%/.db}"
}
if [ "$only" != postgresql ]; then
  mkdir "$dir/lite"
  conf sqlite "sqlite:$dir/lite"
  run_rounds sqlite
  run_large sqlite
fi
[ "$only" != sqlite ] || exit 0

bin=$(dirname "$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -1)")
[ -x "$bin/initdb" ] || { echo "PostgreSQL is not installed"; exit 1; }
as=()
mkdir "$dir/pg"
chmod 711 "$dir"
if [ "$(id -u)" = 0 ]; then
  chown postgres "$dir/pg"
  as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
fi
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
(cd "$dir/pg" && "${as[@]}" "$bin/initdb" -D "$dir/pg/data" -EUTF8 --locale=C -Upostgres -Atrust >"$dir/initdb.log")
(cd "$dir/pg" && exec "${as[@]}" "$bin/postgres" -D "$dir/pg/data" -p "$port" \
  -c listen_addresses=127.0.0.1 -c unix_socket_directories= >"$dir/pg/log" 2>&1) &
server=$!
sql() { "$bin/psql" -h 127.0.0.1 -p "$port" -U postgres -d postgres -qAtX "$@"; }
for _ in $(seq 100); do
  sql -c 'select 1' >/dev/null 2>&1 && break
  sleep 0.1
done
# Another server could have taken the port since: nothing is done to one that is not ours.
[ "$(sql -c 'show data_directory')" = "$dir/pg/data" ] || { echo "the server is not ours"; exit 1; }

make_postgresql() {
  printf 'create database %s strategy file_copy;\n' "$@" | sql >/dev/null
  sql -c checkpoint
}
floor_postgresql() {
  "$build/floor_postgres" "host=127.0.0.1 port=$port user=postgres" "$dir/migrations" 16 "$@"
}
conf postgresql "postgresql://postgres@127.0.0.1:$port"
run_rounds postgresql
run_large postgresql
