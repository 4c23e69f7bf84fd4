-- One shard's part of a batch, at most once.
-- KEYS: the batch id's key, the bus. ARGV: digest, seconds to remember, payload.
-- Answers 1 added, 0 was there already, -1 there with another digest.
local known = redis.call('GET', KEYS[1])
if known then
  return known == ARGV[1] and 0 or -1
end
redis.call('XADD', KEYS[2], '*', 'd', ARGV[3])
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
