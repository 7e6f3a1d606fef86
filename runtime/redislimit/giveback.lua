-- Gives calls back to the buckets KEYS; see take.lua for their values. ARGV has two numbers for
-- each bucket: the time that its calls have added, as microseconds and nanoseconds.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
for i, key in ipairs(KEYS) do
  local value = redis.pcall('GET', key)
  if type(value) == 'string' and #value >= 4 and #value <= 19 and string.find(value, '^%d+$') then
    local us = tonumber(string.sub(value, 1, -4)) - tonumber(ARGV[2 * i - 1])
    local ns = tonumber(string.sub(value, -3)) - tonumber(ARGV[2 * i])
    if ns < 0 then
      us, ns = us - 1, ns + 1000
    end
    if us < now then
      redis.call('DEL', key)
    else
      local expires = math.floor((us - now) / 1000) + 2
      redis.call('SET', key, string.format('%.0f%03d', us, ns), 'PX', string.format('%.0f', expires))
    end
  end
end
return 0
