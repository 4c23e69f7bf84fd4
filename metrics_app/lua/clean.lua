-- Lets go of what SQL has: minutes, unless they grew since they were read, and late points.
-- KEYS[1] the shard's meta; ARGV: the key base, slots of a ring, bytes of a slot, the generations as they
-- were read, the first late id to keep ('' for none), then topic, minute, count, …
-- Answers how many minutes are clean, or -1 where a new generation began meanwhile.
local base, slots, size = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local meta = redis.call('HMGET', KEYS[1], 'sealed', 'generation')
local gens = redis.call('GET', base .. 'gens') or (meta[2] and meta[2] .. ':0:0:0') or ''
if gens ~= ARGV[4] then return -1 end
local sealed, clean = tonumber(meta[1] or '0'), 0
-- The count of a slot of 48 bytes that is of this minute; 0 where there is none.
local function count_of(slot, minute)
  if not slot or #slot < size then return 0 end
  local own, count = struct.unpack('<i8i8', slot)
  return own == minute and count or 0
end
for i = 6, #ARGV, 3 do
  local topic, minute, slot = ARGV[i], ARGV[i + 1], nil
  if tonumber(minute) >= sealed then
    local at = math.floor(tonumber(minute) / 60000) % slots * size
    slot = redis.call('GETRANGE', base .. 'ring:' .. topic, at, at + size - 1)
  else
    slot = redis.call('HGET', base .. 'held:' .. topic, minute)
  end
  if count_of(slot, tonumber(minute)) == tonumber(ARGV[i + 2]) then
    redis.call('ZREM', base .. 'dirty', minute .. ':' .. topic)
    redis.call('HDEL', base .. 'held:' .. topic, minute)
    clean = clean + 1
  end
end
if ARGV[5] ~= '' then redis.call('XTRIM', base .. 'late', 'MINID', ARGV[5]) end
return clean
