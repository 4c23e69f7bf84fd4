-- All of a shard as of one moment, for a backup; changes nothing.
-- KEYS[1] the shard's meta; ARGV: the key base, kinds of one key joined by commas, kinds of a key per topic.
-- Answers name, ms it still lives (-1: for ever), dump, …; names without the base.
local base, found = ARGV[1], {}
local function add(name)
  local packed = redis.call('DUMP', base .. name)
  if not packed then return end
  found[#found + 1], found[#found + 2], found[#found + 3] = name, redis.call('PTTL', base .. name), packed
end
for kind in ARGV[2]:gmatch('[^,]+') do add(kind) end
local topics = {}
for _, topic in ipairs(redis.call('HKEYS', base .. 'head')) do topics[topic] = true end
-- A topic may have nothing but minutes that wait.
for _, member in ipairs(redis.call('ZRANGE', base .. 'dirty', 0, -1)) do topics[member:match('^%d+:(.*)$')] = true end
for topic in pairs(topics) do
  for kind in ARGV[3]:gmatch('[^,]+') do add(kind .. ':' .. topic) end
end
return found
