-- Moves the sealed mark; what lay before it is in `held` by now (hold.lua).
-- KEYS[1] the shard's meta; ARGV: the key base, seq, writer, next seq, me, mark, then topic, minutes, …
-- (minutes joined by commas). A topic without a hot minute gives up its ring and its log.
-- Answers 1, or 0 when the fence moved.
local base = ARGV[1]
local fence = redis.call('HMGET', KEYS[1], 'seq', 'writer')
if fence[1] ~= ARGV[2] or fence[2] ~= ARGV[3] then return 0 end
for i = 7, #ARGV, 2 do
  local det, minutes = base .. 'det:' .. ARGV[i], {}
  for minute in ARGV[i + 1]:gmatch('%d+') do minutes[#minutes + 1] = minute end
  redis.call('HDEL', det, unpack(minutes))
  if redis.call('EXISTS', det) == 0 then
    redis.call('UNLINK', base .. 'ring:' .. ARGV[i], base .. 'log:' .. ARGV[i])
  end
end
redis.call('ZREMRANGEBYSCORE', base .. 'hot', '-inf', '(' .. ARGV[6])
redis.call('HSET', KEYS[1], 'sealed', ARGV[6], 'seq', ARGV[4], 'writer', ARGV[5])
return 1
