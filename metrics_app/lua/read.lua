-- What readers need of some topics, as of one moment: no seam between the rings and the sealed mark.
-- KEYS[1] the shard's meta; ARGV: the key base, then topic, hot minutes (joined by commas), '1' to read
-- what is held, … Answers the sealed mark, the generations, then head, ring, details, held minutes, …
local base = ARGV[1]
local function read_minutes(name, text)
  local minutes = {}
  for minute in text:gmatch('%d+') do minutes[#minutes + 1] = minute end
  local found = {}
  for i = 1, #minutes, 4000 do
    local part = redis.call('HMGET', name, unpack(minutes, i, math.min(i + 3999, #minutes)))
    for _, data in ipairs(part) do found[#found + 1] = data end
  end
  return found
end
local meta = redis.call('HMGET', KEYS[1], 'sealed', 'generation')
local gens = redis.call('GET', base .. 'gens') or (meta[2] and meta[2] .. ':0:0:0') or ''
local answer = {meta[1], gens}
for i = 2, #ARGV, 3 do
  local topic = ARGV[i]
  answer[#answer + 1] = redis.call('HGET', base .. 'head', topic)
  answer[#answer + 1] = redis.call('GET', base .. 'ring:' .. topic)
  answer[#answer + 1] = read_minutes(base .. 'det:' .. topic, ARGV[i + 1])
  answer[#answer + 1] = ARGV[i + 2] == '1' and redis.call('HGETALL', base .. 'held:' .. topic) or {}
end
return answer
