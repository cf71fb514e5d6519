-- Uses KEYS[1], which is good until ARGV[1] (inclusive), at ARGV[2]; keeps it ARGV[3] seconds.
local good_until = redis.call('GET', KEYS[1])
if good_until and tonumber(good_until) >= tonumber(ARGV[2]) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
return 1
