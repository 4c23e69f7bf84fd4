-- What SQL lacks of some minutes, as of one moment. KEYS[1] the shard's meta;
-- ARGV: the key base, slots of a ring, bytes of a slot, then topic, minute, …
-- Answers the sealed mark, the generations, points collected, late points, then per minute: slot, detail, held.
local base, slots, size = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local meta = redis.call('HMGET', KEYS[1], 'sealed', 'generation', 'points', 'late')
local gens = redis.call('GET', base .. 'gens') or (meta[2] and meta[2] .. ':0:0:0') or ''
local sealed = tonumber(meta[1] or '0')
local answer = {meta[1] or '0', gens, meta[3] or '0', meta[4] or '0'}
for i = 4, #ARGV, 2 do
  local topic, minute = ARGV[i], ARGV[i + 1]
  if tonumber(minute) >= sealed then
    local at = math.floor(tonumber(minute) / 60000) % slots * size
    answer[#answer + 1] = redis.call('GETRANGE', base .. 'ring:' .. topic, at, at + size - 1)
    answer[#answer + 1] = redis.call('HGET', base .. 'det:' .. topic, minute)
    answer[#answer + 1] = false
  else
    answer[#answer + 1] = false
    answer[#answer + 1] = false
    answer[#answer + 1] = redis.call('HGET', base .. 'held:' .. topic, minute)
  end
end
return answer
