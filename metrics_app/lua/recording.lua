-- Notes that points are being recorded. KEYS[1] a hash: since (ms), noted (ms). ARGV[1] ms: after a longer
-- silence nobody knows what came meanwhile, and recording begins anew. Whoever is first after it decides.
-- ARGV[2] ms: what was noted, by anybody, less than that ago is enough.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local noted = tonumber(redis.call('HGET', KEYS[1], 'noted') or '')
if noted and noted <= now and now - noted < tonumber(ARGV[2]) then return end
if not noted or now - noted > tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[1], 'since', string.format('%.0f', now))
end
redis.call('HSET', KEYS[1], 'noted', string.format('%.0f', now))
