-- A new generation of a shard: every log gets a new epoch, offsets go on, nothing is forgotten.
-- KEYS[1] the shard's meta; ARGV: the key base, seq and writer as they were read ('' where there are none),
-- next seq, me, generation, run id, offset, sealed. Answers 1, or 0 when the fence moved.
local base = ARGV[1]
local fence = redis.call('HMGET', KEYS[1], 'seq', 'writer')
if (fence[1] or '') ~= ARGV[2] or (fence[2] or '') ~= ARGV[3] then return 0 end
local heads = redis.call('HGETALL', base .. 'head')
for i = 1, #heads, 2 do redis.call('HSET', base .. 'head', heads[i], ARGV[6] .. heads[i + 1]:sub(9)) end
-- The late log counts its points in its ids, which never go back.
local newest = redis.call('XREVRANGE', base .. 'late', '+', '-', 'COUNT', 1)[1]
if newest then redis.call('HSET', KEYS[1], 'late', newest[1]:match('%d+')) end
redis.call('HSET', KEYS[1], 'seq', ARGV[4], 'writer', ARGV[5], 'generation', ARGV[6], 'run_id', ARGV[7],
  'offset', ARGV[8], 'sealed', ARGV[9])
return 1
