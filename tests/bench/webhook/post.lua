-- SPDX-License-Identifier: Apache-2.0
-- wrk: POST signed GitHub deliveries, each with an id of its own.
-- usage: wrk ... -s post.lua URL -- BODY_FILE SIGNATURE RUN [random]
-- The ids are UUIDs of version 1, as GitHub's are (time first), or random ones.
local threads = 0
local before, after, node, count, low, mid, random

function setup(t)
  threads = threads + 1
  t:set("thread_number", threads)
end

function init(args)
  local f = assert(io.open(args[1], "rb"))
  local body = f:read("*a")
  f:close()
  random = args[4] == "random"
  math.randomseed(tonumber(args[3]) * 64 + thread_number)
  node, count = string.format("%04x%08x", thread_number, tonumber(args[3])), 0
  low, mid = os.time() % 429 * 1e7 + thread_number, math.floor(os.time() / 429) % 65536
  local marked = wrk.format("POST", nil, {
    ["Host"] = "127.0.0.1",
    ["User-Agent"] = "GitHub-Hookshot/044aadd",
    ["Accept"] = "*/*",
    ["Content-Type"] = "application/json",
    ["X-GitHub-Delivery"] = "THE-ID",
    ["X-GitHub-Event"] = "pull_request",
    ["X-GitHub-Hook-ID"] = "292430182",
    ["X-Hub-Signature-256"] = args[2],
  }, body)
  local from, to = marked:find("THE-ID", 1, true)
  before, after = marked:sub(1, from - 1), marked:sub(to + 1)
end

function request()
  count = count + 1
  local id
  if random then
    id = string.format("%08x-%04x-4%03x-a%03x-%08x%04x", math.random(0, 0xffffffff),
      math.random(0, 0xffff), math.random(0, 0xfff), math.random(0, 0xfff), count, thread_number)
  else
    -- 100 ns units: as if 10,000 came in a second
    id = string.format("%08x-%04x-11f0-9a5b-%s", (low + count * 1000) % 4294967296, mid, node)
  end
  return before .. id .. after
end

function done(summary, latency)
  io.write(string.format(
    "RESULT requests=%d rate=%.0f p50=%.2f p99=%.2f max=%.1f bad=%d broken=%d\n",
    summary.requests, summary.requests / (summary.duration / 1e6),
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3,
    summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
