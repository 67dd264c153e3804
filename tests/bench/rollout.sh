#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# rollout.sh BUILD [DATABASES [MIGRATIONS [THREADS]]]: how long a rollout over a fleet takes, as a
# ratio to the least that a C program needs, on SQLite and on a PostgreSQL of its own with the
# defaults. BUILD is a release build with -DTIDEGATE_BENCH=ON. Files are removed at the end only:
# ext4 is slow in reusing them.
set -euo pipefail
build=$(cd "${1:?usage: rollout.sh BUILD [DATABASES [MIGRATIONS [THREADS]]]}" && pwd)/tests/bench
databases=${2:-200} migrations=${3:-10} threads=${4:-8}
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

# conf NAME URL: a configuration with one environment and one instance.
conf() {
  mkdir -p "$dir/$1"
  cat >"$dir/$1/conf.yaml" <<YAML
store: $dir/$1/store.db
environments: [{id: e, rollout: automatic}]
instances: [{id: i, environment: e, url: "$2"}]
projects: [{id: bench}]
repositories: []
YAML
}

seconds() { sed -n 's/.*seconds=//p'; }
ratio() { awk -v ours="$2" -v floor="$3" -v name="$1" \
  'BEGIN { printf "%-24s floor %7.3f s   ours %7.3f s   ratio %.2f\n", name, floor, ours, ours / floor }'; }

targets=() files=() floors=()
for ((i = 1; i <= databases; i++)); do
  targets+=("instances/i/databases/ours_$i")
  files+=("$dir/floor/floor_$i.db")
  floors+=("floor_$i")
done
ours() { "$build/bench_rollout" "$dir/$1/conf.yaml" "$dir/migrations" "$threads" "$2" "${targets[@]}" | seconds; }

mkdir -p "$dir/floor" "$dir/ours"
conf sqlite "sqlite:$dir/ours"
floor_lite() { "$build/floor_sqlite" "$dir/migrations" "${files[@]}" | seconds; }
floor=$(floor_lite)
ratio "sqlite apply" "$(ours sqlite first)" "$floor"
floor=$(floor_lite)
ratio "sqlite nothing to do" "$(ours sqlite second)" "$floor"

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

for ((i = 1; i <= databases; i++)); do
  echo "create database floor_$i strategy file_copy; create database ours_$i strategy file_copy;"
done | sql >/dev/null
sql -c checkpoint
conf postgresql "postgresql://postgres@127.0.0.1:$port"
floor_pg() { "$build/floor_postgres" "host=127.0.0.1 port=$port user=postgres" "$dir/migrations" 16 "${floors[@]}" | seconds; }
floor=$(floor_pg)
ratio "postgresql apply" "$(ours postgresql first)" "$floor"
floor=$(floor_pg)
ratio "postgresql nothing to do" "$(ours postgresql second)" "$floor"
