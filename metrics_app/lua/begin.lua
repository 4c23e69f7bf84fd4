-- A new generation of a shard: every log gets a new epoch, offsets go on, nothing is forgotten.
-- KEYS[1] the shard's meta; ARGV: the key base, seq and writer as they were read ('' where there are none),
-- next seq, me, generation, run id, offset, sealed, points known to be collected before.
-- Answers 1, or 0 when the fence moved.
local base = ARGV[1]
local fence = redis.call('HMGET', KEYS[1], 'seq', 'writer', 'generation')
if (fence[1] or '') ~= ARGV[2] or (fence[2] or '') ~= ARGV[3] then return 0 end
local heads = redis.call('HGETALL', base .. 'head')
-- `begun` keeps where each log stood: behind that are the points that came under the new epoch.
redis.call('DEL', base .. 'begun')
for i = 1, #heads, 2 do
  local head = ARGV[6] .. heads[i + 1]:sub(9)
  redis.call('HSET', base .. 'head', heads[i], head)
  redis.call('HSET', base .. 'begun', heads[i], head)
end
-- The late log counts its points in its ids, which never go back, not even when it is empty.
local late = 0
if redis.call('EXISTS', base .. 'late') == 1 then
  local info = redis.call('XINFO', 'STREAM', base .. 'late')
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then late = tonumber(info[i + 1]:match('%d+')) end
  end
  redis.call('HSET', KEYS[1], 'late', string.format('%.0f', late))
end
-- What is left of the rings belongs to the generation it was counted in: entries
-- "generation:first minute:late points before it:ms when it began".
local entries, minute = {}, 0
local known = redis.call('GET', base .. 'gens') or (fence[3] and fence[3] .. ':0:0:0') or ''
for entry in known:gmatch('[^,]+') do entries[#entries + 1] = entry end
if #entries > 0 then
  local newest = redis.call('ZREVRANGE', base .. 'hot', 0, 0, 'WITHSCORES')[2]
  minute = newest and tonumber(newest) + 60000 or tonumber(ARGV[9])
end
local now = redis.call('TIME')
local began = tonumber(now[1]) * 1000
entries[#entries + 1] = string.format('%s:%.0f:%.0f:%.0f', ARGV[6], minute, late, began)
while #entries > 20 do table.remove(entries, 1) end
redis.call('SET', base .. 'gens', table.concat(entries, ','))
redis.call('HSET', KEYS[1], 'seq', ARGV[4], 'writer', ARGV[5], 'generation', ARGV[6], 'run_id', ARGV[7],
  'offset', ARGV[8], 'sealed', ARGV[9])
return 1
