#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# one_database.sh BUILD [MIGRATIONS [RUNS]]: how long many migrations into one PostgreSQL database
# take, as a ratio to psql doing the same in one session: each file in a transaction of its own with
# a row for it. BUILD is a release build with -DTIDEGATE_BENCH=ON.
#
# Environment: TIDEGATE_BENCH_FSYNC=off takes the disk out, so that the work itself is compared.
set -euo pipefail
build=$(cd "${1:?usage: one_database.sh BUILD [MIGRATIONS [RUNS]]}" && pwd)/tests/bench
migrations=${2:-1000} runs=${3:-3}
dir=$(mktemp -d "${TMPDIR:-/tmp}/tidegate-one.XXXXXX")
server=
finish() {
  if [ -n "$server" ]; then
    kill -INT "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$dir"
}
trap finish EXIT

mkdir "$dir/migrations" "$dir/pg"
echo "create table revisions(name text primary key, sha text not null, at timestamptz not null default now());" \
  >"$dir/all.sql"
for ((i = 1; i <= migrations; i++)); do
  name=$(printf '%05d' "$i")_t$i.sql
  printf 'create table t_%d (id integer primary key, name text not null);\n' "$i" >"$dir/migrations/$name"
  printf "begin;\n\\\\i %s\ninsert into revisions(name, sha) values ('%s', '%s');\ncommit;\n" \
    "$dir/migrations/$name" "$name" "$(sha256sum <"$dir/migrations/$name" | cut -c1-64)" >>"$dir/all.sql"
done

bin=$(dirname "$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -1)")
[ -x "$bin/initdb" ] || { echo "PostgreSQL is not installed"; exit 1; }
as=()
chmod 711 "$dir"
if [ "$(id -u)" = 0 ]; then
  chown postgres "$dir/pg"
  as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
fi
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
(cd "$dir/pg" && "${as[@]}" "$bin/initdb" -D "$dir/pg/data" -EUTF8 --locale=C -Upostgres -Atrust >"$dir/initdb.log")
(cd "$dir/pg" && exec "${as[@]}" "$bin/postgres" -D "$dir/pg/data" -p "$port" \
  -c fsync="${TIDEGATE_BENCH_FSYNC:-on}" -c listen_addresses=127.0.0.1 -c unix_socket_directories= >"$dir/pg/log" 2>&1) &
server=$!
sql() { "$bin/psql" -h 127.0.0.1 -p "$port" -U postgres -qAtX "$@"; }
for _ in $(seq 100); do
  sql -d postgres -c 'select 1' >/dev/null 2>&1 && break
  sleep 0.1
done
# Another server could have taken the port since: nothing is done to one that is not ours.
[ "$(sql -d postgres -c 'show data_directory')" = "$dir/pg/data" ] || { echo "the server is not ours"; exit 1; }
cat >"$dir/conf.yaml" <<YAML
store: $dir/store.db
environments: [{id: e, rollout: automatic}]
instances: [{id: i, environment: e, url: "postgresql://postgres@127.0.0.1:$port"}]
projects: [{id: bench}]
repositories: []
YAML

now() { date +%s.%N; }
ours() {
  rm -f "$dir"/store.db*
  "$build/bench_rollout" "$dir/conf.yaml" "$dir/migrations" first "instances/i/databases/ours_$1" | sed -n 's/.*seconds=//p'
}
for ((run = 1; run <= runs; run++)); do
  sql -d postgres -c "create database psql_$run" -c "create database ours_$run" -c checkpoint
  start=$(now)
  sql -d "psql_$run" -v ON_ERROR_STOP=1 -f "$dir/all.sql" >/dev/null
  end=$(now)
  awk -v ours="$(ours "$run")" -v start="$start" -v end="$end" -v n="$migrations" 'BEGIN {
    psql = end - start
    printf "%d migrations, one database   psql %7.3f s   ours %7.3f s   ratio %.2f\n", n, psql, ours, ours / psql }'
done
