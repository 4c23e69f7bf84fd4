-- Takes or renews the lease of a shard. KEYS[1] the lease; ARGV: me, ms. Answers 1 when it is mine.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
