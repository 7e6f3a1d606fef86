-- Counts a call against the buckets KEYS, all or none, by the generic cell rate algorithm.
--
-- A bucket is the time in nanoseconds since 1970 at which it is full again, in decimal. Lua's
-- numbers hold no such integer, so it is split into microseconds and the last three digits.
-- ARGV has four numbers for each bucket: the interval between calls, and the span in which an empty
-- bucket fills, each as microseconds and nanoseconds.
--
-- Returns 0 if the call is counted, or {index, microseconds}: the bucket that allows no call for
-- the longest time, from 1, and that time.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]

-- after returns the sum of two times.
local function after(us, ns, more_us, more_ns)
  us, ns = us + more_us, ns + more_ns
  if ns >= 1000 then
    us, ns = us + 1, ns - 1000
  end
  return us, ns
end

local function write(key, us, ns)
  local expires = math.floor((us - now) / 1000) + 2
  redis.call('SET', key, string.format('%.0f%03d', us, ns), 'PX', string.format('%.0f', expires))
end

local rejecting, longest = 0, 0
local next_us, next_ns = {}, {}
for i, key in ipairs(KEYS) do
  local interval_us, interval_ns = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2])
  local most_us, most_ns = after(now, 0, tonumber(ARGV[4 * i - 1]), tonumber(ARGV[4 * i]))
  local us, ns = now, 0
  local value = redis.pcall('GET', key)
  if type(value) == 'string' and #value >= 4 and #value <= 19 and string.find(value, '^%d+$') then
    us, ns = tonumber(string.sub(value, 1, -4)), tonumber(string.sub(value, -3))
    if us < now then
      us, ns = now, 0
    elseif us > most_us or (us == most_us and ns > most_ns) then
      -- The clock was set back, or the rate has changed. An empty bucket is the most that a caller
      -- can have used up. It is written, so that it fills from now on.
      us, ns = most_us, most_ns
      write(key, us, ns)
    end
  elseif value then
    -- Not a bucket, or an error for another type. It counts as empty but for one call, which
    -- replaces it.
    us, ns = most_us - interval_us, most_ns - interval_ns
    if ns < 0 then
      us, ns = us - 1, ns + 1000
    end
  end
  us, ns = after(us, ns, interval_us, interval_ns)
  local wait = us - most_us
  if ns > most_ns then
    wait = wait + 1
  end
  if wait > longest then
    rejecting, longest = i, wait
  end
  next_us[i], next_ns[i] = us, ns
end

if rejecting > 0 then
  return {rejecting, longest}
end
for i, key in ipairs(KEYS) do
  write(key, next_us[i], next_ns[i])
end
return 0
