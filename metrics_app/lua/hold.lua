-- Writes minutes that are about to be sealed where they wait for the archiver.
-- KEYS[1] the shard's meta; ARGV: the key base, seq, writer, then topic, minute, packed, …
-- The mark has not moved yet: until it has, readers use the hot minute. Answers 1, or 0 when the fence moved.
local fence = redis.call('HMGET', KEYS[1], 'seq', 'writer')
if fence[1] ~= ARGV[2] or fence[2] ~= ARGV[3] then return 0 end
for i = 4, #ARGV, 3 do
  -- Archived since it was read: nobody would come for it again.
  if redis.call('ZSCORE', ARGV[1] .. 'dirty', ARGV[i + 1] .. ':' .. ARGV[i]) then
    redis.call('HSET', ARGV[1] .. 'held:' .. ARGV[i], ARGV[i + 1], ARGV[i + 2])
  end
end
return 1
