-- ARGV: limit, id, fence, nonce, window, size, response.
-- Returns OK, LOST, or FULL and the bytes of the store. The nonce is that of one Finish, which a
-- client may send again if it has lost the reply.
local nonce, window, size = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local e = mine(ARGV[3])
if e and e.done and e.nonce == nonce then
  return { 'OK' }
end
if not e or e.done then
  return { 'LOST' }
end

call('ZREM', RUN, id) -- first, so that it does not expire if its lease is over
local function mayKeep()
  local used, pins = sum('p') + sum('k'), sum('p')
  if used + size - e.size <= limit then
    return true
  end
  local owners = call('ZCARD', KEPT)
  if not call('ZSCORE', KEPT, e.owner) then
    owners = owners + 1
  end
  local free = limit - (pins - e.size)
  return size <= math.min(free, math.max(math.floor(free / owners), math.floor(limit / 64)))
end
if not expire(mayKeep) then
  call('ZADD', RUN, e.till, id)
  return { 'FULL', sum('p') + sum('k') }
end
pin(e.owner, -e.size)
keep(e.owner, size)
makeRoom()
e.done, e.nonce, e.till, e.size = true, nonce, now + window, size
write(e)
call('HSET', REPLY, id, ARGV[7])
call('ZADD', DONE, e.till, id)
call('ZADD', OWN, 0, place(e))
return { 'OK' }
