-- The streams of one partner, over all processes. KEYS[1] the seats, scored by when each was last seen.
-- ARGV: ms after which a seat that nobody renews is free, most seats, then the caller's own seats,
-- whose names begin with the time they were taken. All of them are renewed, also those that a Redis
-- without memory has forgotten; then the oldest give way. Answers the seats that are taken away.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1])
for i = 3, #ARGV do redis.call('ZADD', KEYS[1], now, ARGV[i]) end
local seats = redis.call('ZRANGE', KEYS[1], 0, -1)
table.sort(seats)
local gone = {}
for i = 1, #seats - ARGV[2] do
  redis.call('ZREM', KEYS[1], seats[i])
  gone[#gone + 1] = seats[i]
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return gone
