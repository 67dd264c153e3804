#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Receiving signed 25 KB deliveries: `tidegate serve` beside Debian's webhook (a peer that keeps
# nothing) and floor_durable (a floor that knows nothing), in one run on this machine.
#
# usage: webhook.sh [BUILD]    a build with -DTIDEGATE_BENCH=ON; default build/bench
#   SECS=10 ROUNDS=3 CONNECTIONS=64 THREADS=2 (of the listener) DIR=(where the stores are)
#   IDS=random: ids without an order, the dearest case for an index (else as GitHub's: time first)
#   NOISE=0.2 TRIES=4: a round during which other programs used more cores than that is repeated
#   CHECK=1 fails when a bar is missed
# Needs wrk, webhook, git, openssl (Debian packages of these names).
set -euo pipefail
cd "$(dirname "$0")/../../.."
build=$(realpath "${1:-build/bench}")
here=$PWD/tests/bench/webhook
secs=${SECS:-10} rounds=${ROUNDS:-3} connections=${CONNECTIONS:-64} threads=${THREADS:-2}
noise=${NOISE:-0.2} tries=${TRIES:-4} hz=$(getconf CLK_TCK)
secret=bench-secret
dir=$(mktemp -d "${DIR:-$build}/webhook-bench.XXXXXX")
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT
for tool in wrk webhook git openssl "$build/tidegate" "$build/tests/bench/floor_durable"; do
  command -v "$tool" >/dev/null || { echo "webhook.sh: '$tool' is missing" >&2; exit 2; }
done

# --- what is sent: a merge as GitHub sends it, padded to 25,600 bytes with keys like its own ---
make_repository() {
  git init -q --bare -b main "$dir/app.git"
  git init -q -b main "$dir/work"
  mkdir "$dir/work/migrations"
  echo 'create table t (a int);' >"$dir/work/migrations/001_t.sql"
  git -C "$dir/work" add .
  git -C "$dir/work" -c user.name=b -c user.email=b@example.test commit -q -m one
  git -C "$dir/work" push -q "$dir/app.git" main
  commit=$(git -C "$dir/work" rev-parse HEAD)
}

make_body() {
  awk -v commit="$commit" 'BEGIN {
    body = "{\"action\":\"closed\",\"number\":12,\"pull_request\":{\"url\":\"https://api.example.test/repos/acme/app/pulls/12\",\"id\":279147437,\"number\":12,\"state\":\"closed\",\"title\":\"Add a table\",\"user\":{\"login\":\"octocat\",\"id\":21031067,\"type\":\"User\",\"site_admin\":false},\"merged\":true,\"merge_commit_sha\":\"" commit "\",\"base\":{\"ref\":\"main\",\"sha\":\"" commit "\"},\"head\":{\"ref\":\"topic\",\"sha\":\"" commit "\"},\"labels\":["
    tail = "]},\"repository\":{\"id\":186853002,\"full_name\":\"acme/app\",\"private\":false},\"sender\":{\"login\":\"octocat\",\"id\":21031067}}"
    for (i = 0; ; i++) {
      base = "https://api.example.test/repos/acme/app/labels/" i
      item = (i ? "," : "") "{\"id\":" 208045946 + i * 7919 ",\"node_id\":\"MDU6TGFiZWwyMDgwNDU5" i * 31337 "\",\"url\":\"" base "\",\"html_url\":\"" base "/page\",\"issues_url\":\"" base "/issues{/number}\",\"events_url\":\"" base "/events{/privacy}\",\"name\":\"label " i "\",\"color\":\"" sprintf("%06x", i * 7654321 % 16777216) "\",\"default\":false,\"created_at\":\"2019-05-15T15:" sprintf("%02d", i % 60) ":55Z\",\"description\":\"what this one of the labels is meant for\"}"
      if (length(body) + length(item) + length(tail) > 25600) break
      body = body item
    }
    printf "%s", body
    for (n = length(body) + length(tail); n < 25600; n++) printf " "
    printf "%s", tail
  }' >"$dir/body.json"
  signature=sha256=$(openssl dgst -sha256 -hmac "$secret" -r "$dir/body.json" | cut -d' ' -f1)
}

# --- the servers ---
start_webhook() {
  cat >"$dir/hooks.json" <<JSON
[{"id":"github","execute-command":"/bin/true","http-methods":["POST"],"success-http-response-code":202,
  "trigger-rule-mismatch-http-response-code":401,"trigger-rule":{"match":{"type":"payload-hmac-sha256",
  "secret":"$secret","parameter":{"source":"header","name":"X-Hub-Signature-256"}}}}]
JSON
  port=9310 url=http://127.0.0.1:9310/hooks/github
  webhook -ip 127.0.0.1 -port 9310 -hooks "$dir/hooks.json" >/dev/null 2>&1 &
  pid=$!
}

start_floor() {
  port=9311 url=http://127.0.0.1:9311/
  "$build/tests/bench/floor_durable" 9311 "$threads" "$secret" "$dir/journal" &
  pid=$!
}

start_tidegate() {
  local state=$dir/tidegate.$1
  mkdir "$state"
  printf '%s' "$secret" >"$state/secret"
  cat >"$state/tidegate.yaml" <<YAML
listen: 127.0.0.1:9312
store: $state/tidegate.db
listener_threads: $threads
environments: [{id: dev, rollout: automatic}]
instances: [{id: dev, environment: dev, url: "sqlite:$state"}]
projects: [{id: shop}]
repositories:
  - id: app
    provider: github
    full_name: acme/app
    clone_url: file://$dir/app.git
    secrets: [{file: $state/secret}]
    project: shop
    targets: [instances/dev/databases/app]
YAML
  port=9312 url=http://127.0.0.1:9312/webhooks/app
  "$build/tidegate" serve -c "$state/tidegate.yaml" 2>"$state/log" &
  pid=$!
}

wait_ready() {
  for _ in $(seq 400); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.05
  done
  echo "webhook.sh: the server on port $port did not start" >&2
  exit 1
}

# Clock ticks of the server, and of the children it waited for.
cpu_ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 + $14 + $15 }' "/proc/$pid/stat"; }

# Clock ticks of the whole machine.
busy_ticks() { awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 }' /proc/stat; }

# Its result and its own CPU seconds.
run_wrk() { # SECONDS RUN
  local TIMEFORMAT='%U %S'
  { time wrk -t2 "-c$connections" "-d${1}s" -s "$here/post.lua" "$url" -- \
      "$dir/body.json" "$signature" "$2" "${IDS:-}" 2>&1 | sed -n 's/^RESULT //p' >"$dir/wrk"; } 2>"$dir/wrk.cpu"
}

# One round: "rate p50 p99 max cpu_us rss_mib bad others".
one_round() { # NAME ROUND
  "start_$1" "$2"
  wait_ready
  run_wrk 1 "$((RANDOM * 2))"
  local before after busy rss
  before=$(cpu_ticks) busy=$(busy_ticks)
  run_wrk "$secs" "$((RANDOM * 2 + 1))"
  after=$(cpu_ticks) busy=$(($(busy_ticks) - busy))
  rss=$(awk '/^VmHWM/ { print $2 / 1024 }' "/proc/$pid/status")
  kill "$pid"
  wait "$pid" 2>/dev/null || true
  pid=
  awk -v r="$(cat "$dir/wrk")" -v wrk="$(cat "$dir/wrk.cpu")" -v ticks="$((after - before))" \
    -v busy="$busy" -v hz="$hz" -v secs="$secs" -v rss="$rss" 'BEGIN {
    n = split(r, kv, " ")
    for (i = 1; i <= n; i++) { split(kv[i], p, "="); v[p[1]] = p[2] }
    split(wrk, w, " ")
    others = ((busy - ticks) / hz - w[1] - w[2]) / secs
    printf "%d %.2f %.2f %.1f %.1f %.0f %d %.2f\n", v["rate"], v["p50"], v["p99"], v["max"],
      ticks / hz * 1e6 / v["requests"], rss, v["bad"] + v["broken"], (others > 0 ? others : 0)
  }'
}

# The first quiet round of up to $tries, or the quietest of them.
measure() { # NAME ROUND
  local try row
  for try in $(seq "$tries"); do
    one_round "$1" "$2.$try" >"$dir/round"
    cat "$dir/round" >>"$dir/tried"
    row=$(cat "$dir/round")
    awk -v n="$noise" '{ exit ($8 > n) }' "$dir/round" && break
    row=$(sort -g -k8 "$dir/tried" | head -n 1)
    sleep 3
  done
  rm "$dir/tried"
  echo "$row"
}

# The round whose rate is the median.
median() { sort -n "$1" | awk '{ l[NR] = $0 } END { print l[int((NR + 1) / 2)] }'; }

make_repository
make_body
for round in $(seq "$rounds"); do
  for name in webhook floor tidegate; do
    measure "$name" "$round" >>"$dir/$name.rounds"
  done
done

echo "signed deliveries of $(stat -c %s "$dir/body.json") bytes, each with an id of its own; $connections connections, ${secs} s, median of $rounds; wrk shares $(nproc) cores; others = cores that other programs used"
printf '%-10s %9s %8s %8s %8s %10s %8s %8s %8s\n' server req/s 'p50 ms' 'p99 ms' 'max ms' 'CPU us/req' 'RSS MiB' 'not 2xx' 'others'
for name in webhook floor tidegate; do
  printf -v "$name" '%s' "$(median "$dir/$name.rounds")"
  read -r -a row <<<"${!name}"
  printf '%-10s %9s %8s %8s %8s %10s %8s %8s %8s\n' "$name" "${row[@]}"
done
# shellcheck disable=SC2154 # set by printf -v
awk -v t="$tidegate" -v w="$webhook" -v f="$floor" -v check="${CHECK:-0}" 'BEGIN {
  split(t, T, " "); split(w, W, " "); split(f, F, " ")
  printf "tidegate / webhook  %.1fx  (bar: 5)\n", T[1] / W[1]
  printf "tidegate / floor    %.2fx  (bar: 0.4)\n", T[1] / F[1]
  printf "tidegate p99        %.2f ms  (bar: 10)\n", T[3]
  printf "tidegate memory     %d MiB  (bar: 64)\n", T[6]
  missed = T[1] == 0 || W[1] == 0 || F[1] == 0 || T[1] < 5 * W[1] || T[1] < 0.4 * F[1] || T[3] >= 10 || T[6] >= 64 || T[7] > 0
  print missed ? "a bar is missed" : "all bars reached"
  exit check && missed
}'
