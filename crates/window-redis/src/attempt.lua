-- Says whether ARGV[1] may be tried at ARGV[2]: 0 yes, n after so many seconds, -1 no room.
local failures, free, waiting = KEYS[1], KEYS[2], KEYS[3]
local who, now = ARGV[1], tonumber(ARGV[2])
local free_failures, period, first_wait = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local most, kept = tonumber(ARGV[6]), ARGV[7]

local function remove(order, digest)
  redis.call('HDEL', failures, digest)
  redis.call('ZREM', order, digest)
end

-- Forgets failures whose period is over. Each attempt adds one at most, so a few a time suffice.
for _, order in ipairs({free, waiting}) do
  local over = redis.call('ZRANGEBYSCORE', order, '-inf', now - period, 'LIMIT', 0, 100)
  for _, digest in ipairs(over) do
    remove(order, digest)
  end
end

local count, last = 0, ''
local entry = redis.call('HGET', failures, who)
if entry then
  local failed, at = string.match(entry, '^(%d+):(-?%d+):')
  if tonumber(at) + period > now then
    count, last = tonumber(failed), at
  end
end

if count >= free_failures then
  local wait = math.min(first_wait * 2 ^ math.min(count - free_failures, 32), period)
  if count > 0 and tonumber(last) + wait > now then
    return tonumber(last) + wait - now
  end
end

local oldest
if not entry and redis.call('HLEN', failures) >= most then
  oldest = redis.call('ZRANGE', free, 0, 0)[1]
  if not oldest then
    return -1
  end
end

-- First what a full server refuses, so that nothing is forgotten then.
count = count + 1
local order, other = free, waiting
if count >= free_failures then
  order, other = waiting, free
end
redis.call('HSET', failures, who, string.format('%d:%s:%s', count, ARGV[2], last))
redis.call('ZADD', order, ARGV[2], who)
redis.call('ZREM', other, who)
if oldest then
  remove(free, oldest)
end
for _, key in ipairs(KEYS) do
  redis.call('EXPIRE', key, kept)
end
return 0
