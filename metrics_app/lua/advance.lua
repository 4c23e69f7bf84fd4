-- Nothing new on these shards' buses: only the through mark moves, never back.
-- KEYS[1] the shard's meta; ARGV: seq, writer, through. Answers 1, or 0 when the fence moved.
local meta = redis.call('HMGET', KEYS[1], 'seq', 'writer', 'through')
if meta[1] ~= ARGV[1] or meta[2] ~= ARGV[2] then return 0 end
if tonumber(meta[3] or '0') < tonumber(ARGV[3]) then redis.call('HSET', KEYS[1], 'through', ARGV[3]) end
return 1
