-- Lets go of minutes that waited for the archiver too long, and counts them.
-- KEYS[1] the shard's meta; ARGV: the key base, seq, writer, limit (ms). At most 1,000 a call.
-- Answers how many, or -1 when the fence moved.
local base = ARGV[1]
local fence = redis.call('HMGET', KEYS[1], 'seq', 'writer')
if fence[1] ~= ARGV[2] or fence[2] ~= ARGV[3] then return -1 end
local members = redis.call('ZRANGEBYSCORE', base .. 'dirty', '-inf', '(' .. ARGV[4], 'LIMIT', 0, 1000)
for _, member in ipairs(members) do
  local minute, topic = member:match('^(%d+):(.*)$')
  redis.call('HDEL', base .. 'held:' .. topic, minute)
  redis.call('ZREM', base .. 'dirty', member)
end
if #members > 0 then redis.call('HINCRBY', KEYS[1], 'held_dropped', #members) end
return #members
