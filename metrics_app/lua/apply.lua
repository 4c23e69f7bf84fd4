-- A turn of the collector on one shard: everything it changed, with the new offset.
-- KEYS[1] the shard's meta; ARGV: the key base, the turn (MessagePack, see core/fold.py).
-- Numbers that become arguments travel as strings: Lua would write them as 1.7323900001e+12.
-- Answers 1, or 0 when another collector moved the shard on.
local base, turn = ARGV[1], cmsgpack.unpack(ARGV[2])
local fence = redis.call('HMGET', KEYS[1], 'seq', 'writer')
if fence[1] ~= turn.seq or fence[2] ~= turn.writer then return 0 end

-- Calls a command with any number of arguments; the stack of Lua ends near 8,000.
local function call_many(command, name, arguments, size)
  for i = 1, #arguments, size do
    redis.call(command, name, unpack(arguments, i, math.min(i + size - 1, #arguments)))
  end
end

for _, topic in ipairs(turn.topics) do
  local name, slots, details, chunks = topic[1], topic[2], topic[3], topic[4]
  local ring, log = base .. 'ring:' .. name, base .. 'log:' .. name
  -- A new epoch starts an empty log: its ids would go back otherwise.
  if topic[5] == 1 then redis.call('DEL', log) end
  for i = 1, #slots, 2 do redis.call('SETRANGE', ring, slots[i], slots[i + 1]) end
  redis.call('HSET', base .. 'det:' .. name, unpack(details))
  for i = 1, #chunks, 2 do
    redis.call('XADD', log, 'MINID', '~', topic[6], chunks[i], 'd', chunks[i + 1], 'a', turn.through)
  end
end
call_many('HSET', base .. 'head', turn.heads, 4000)
call_many('ZADD', base .. 'hot', turn.hot, 4000)
call_many('ZADD', base .. 'dirty', turn.dirty, 4000)

-- The smallest offset whose chunk arrived at `limit` or later; ids are offsets, arrival never goes back.
local function first_since(log, limit)
  local first = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
  if not first or tonumber(first[2][4]) >= limit then return nil end
  local newest = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
  local low, high = tonumber(first[1]:match('%d+')), tonumber(newest[1]:match('%d+')) + 1
  while high - low > 1 do
    local middle = math.floor((low + high) / 2)
    local chunk = redis.call('XRANGE', log, string.format('%.0f', middle), '+', 'COUNT', 1)[1]
    if tonumber(chunk[2][4]) < limit then low = middle else high = middle end
  end
  return string.format('%.0f', high)
end

for _, name in ipairs(turn.tidy) do
  local since = first_since(base .. 'log:' .. name, tonumber(turn.log_since))
  if since then redis.call('XTRIM', base .. 'log:' .. name, 'MINID', since) end
  for _, kind in ipairs({'ring:', 'det:', 'log:'}) do redis.call('EXPIRE', base .. kind .. name, turn.expire) end
end

-- The late log: ids count its points, so that its bound is in points and a gap is a number.
if #turn.late > 0 then
  local late = base .. 'late'
  for i = 1, #turn.late, 3 do
    redis.call('XADD', late, turn.late[i], 'n', turn.late[i + 1], 'd', turn.late[i + 2])
  end
  local function held_from()
    local first = redis.call('XRANGE', late, '-', '+', 'COUNT', 1)[1]
    return tonumber(first[1]:match('%d+')) - tonumber(first[2][2])
  end
  local before = held_from()
  redis.call('XTRIM', late, 'MINID', turn.late_from)
  redis.call('HINCRBY', KEYS[1], 'late_dropped', string.format('%.0f', held_from() - before))
end

for i = 1, #turn.counts, 2 do redis.call('HINCRBY', KEYS[1], turn.counts[i], turn.counts[i + 1]) end
redis.call('HSET', KEYS[1], 'seq', turn.next, 'writer', turn.me, 'offset', turn.offset, 'through', turn.through)
redis.call('XTRIM', base .. 'bus', 'MINID', turn.bus_from)
return 1
