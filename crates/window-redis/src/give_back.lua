-- Takes back the last allowed attempt of ARGV[1]; fewer than ARGV[2] failures are free.
local failures, free, waiting = KEYS[1], KEYS[2], KEYS[3]
local who = ARGV[1]
local entry = redis.call('HGET', failures, who)
if not entry then
  return redis.status_reply('OK')
end
local count, last, before = string.match(entry, '^(%d+):(-?%d+):(-?%d*)$')
count = tonumber(count) - 1
if count == 0 then
  redis.call('HDEL', failures, who)
  redis.call('ZREM', free, who)
  redis.call('ZREM', waiting, who)
  return redis.status_reply('OK')
end
if before ~= '' then
  last = before
end
local order, other = free, waiting
if count >= tonumber(ARGV[2]) then
  order, other = waiting, free
end
redis.call('HSET', failures, who, string.format('%d:%s:', count, last))
redis.call('ZADD', order, last, who)
redis.call('ZREM', other, who)
return redis.status_reply('OK')
