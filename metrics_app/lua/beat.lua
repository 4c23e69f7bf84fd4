-- A collector lives, and some shards are read out. KEYS[1] a hash; ARGV: the collector's field, the field of
-- a set of shards ('' for none), ms up to which all of them are; that never goes back.
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
if ARGV[2] == '' then
  redis.call('HSET', KEYS[1], ARGV[1], now)
  return
end
local known = redis.call('HGET', KEYS[1], ARGV[2])
local through = (known and tonumber(known) > tonumber(ARGV[3])) and known or ARGV[3]
redis.call('HSET', KEYS[1], ARGV[1], now, ARGV[2], through)
