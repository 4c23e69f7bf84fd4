-- Details of many topics in one answer. KEYS[1] the shard's meta (for its hash tag);
-- ARGV: the key base, then topic, minute, … Answers one string (or nil) per pair.
local found = {}
for i = 2, #ARGV, 2 do found[#found + 1] = redis.call('HGET', ARGV[1] .. 'det:' .. ARGV[i], ARGV[i + 1]) end
return found
