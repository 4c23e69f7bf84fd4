-- Takes or renews the lease of a shard. KEYS[1] the lease; ARGV: me, who held it ('' for nobody), ms.
-- Answers 1 when it is mine now, 0 where somebody else was faster.
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return 1
