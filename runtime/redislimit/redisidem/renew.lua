-- ARGV: limit, id, fence, lease. Returns OK or LOST.
local e = mine(ARGV[3])
if not e or e.done then
  return { 'LOST' }
end
e.till = now + tonumber(ARGV[4])
write(e)
call('ZADD', RUN, e.till, id)
return { 'OK' }
