-- What readers need of some topics, as of one moment: no seam between the rings and the sealed mark.
-- KEYS[1] the shard's meta; ARGV: the key base, then topic, hot minutes, held minutes, …
-- (minutes joined by commas). Answers the sealed mark, then head, ring, details, held minutes, …
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
local answer = {redis.call('HGET', KEYS[1], 'sealed')}
for i = 2, #ARGV, 3 do
  local topic = ARGV[i]
  answer[#answer + 1] = redis.call('HGET', base .. 'head', topic)
  answer[#answer + 1] = redis.call('GET', base .. 'ring:' .. topic)
  answer[#answer + 1] = read_minutes(base .. 'det:' .. topic, ARGV[i + 1])
  answer[#answer + 1] = read_minutes(base .. 'held:' .. topic, ARGV[i + 2])
end
return answer
