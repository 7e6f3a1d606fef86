-- ARGV: limit, id, owner, fence, digest, lease, size.
-- Returns fence, digest, 1 if it is done and its response; or FULL and the bytes of the store.
local owner, fence, digest = ARGV[3], ARGV[4], ARGV[5]
local lease, size = tonumber(ARGV[6]), tonumber(ARGV[7])

local e = read(id)
if e and e.till > now then
  return { e.fence, e.digest, e.done and 1 or 0, e.done and call('HGET', REPLY, id) or '' }
end
if e then
  remove(e)
end
for _ = 1, 4 do -- more than a call adds
  local old = over(DONE)
  if old then
    remove(old)
  end
end

local function mayStart()
  local own = pinned(owner)
  return own + size <= (limit - (sum('p') - own)) / 2
end
if not expire(mayStart) then
  return { 'FULL', sum('p') + sum('k') }
end
e = { id = id, fence = fence, digest = digest, owner = owner, till = now + lease, size = size }
write(e)
call('HINCRBY', SUM, 'n', 1)
call('ZADD', RUN, e.till, id)
pin(owner, size)
makeRoom()
return { fence, digest, 0, '' }
