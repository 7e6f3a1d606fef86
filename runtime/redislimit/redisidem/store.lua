-- What all scripts of the store share. It is put before each of them.
--
-- KEYS are all keys of the store, in one slot of a cluster:
--   ENTRY  hash  id -> an entry: see pack
--   REPLY  hash  id -> the response of an entry that is done
--   RUN    zset  id by the end of its lease, of entries that are running
--   DONE   zset  id by the end of its window, of entries that are done
--   OWN    zset  owner, end of the window and id of entries that are done, in the order of bytes
--   PINS   hash  owner -> bytes of its entries that are running
--   KEPT   zset  owner by the bytes of its entries that are done
--   SUM    hash  n: entries, p: bytes that are running, k: bytes that are done
-- ARGV[1] is the limit of all bytes, ARGV[2] the id of the entry. Times are milliseconds of the
-- clock of Redis. The rules are those of runtime/internal/share.
local ENTRY, REPLY, RUN, DONE, OWN, PINS, KEPT, SUM = unpack(KEYS)
local limit, id = tonumber(ARGV[1]), ARGV[2]
local call = redis.call
local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- A server that evicts keys takes a part of the store: the rest is worthless then, and goes too.
local function check()
  local n, run, done = call('HLEN', ENTRY), call('ZCARD', RUN), call('ZCARD', DONE)
  local sum = tonumber(call('HGET', SUM, 'n') or 0)
  if n ~= run + done or n ~= sum or call('HLEN', REPLY) ~= done or call('ZCARD', OWN) ~= done
    or (call('HLEN', PINS) == 0) ~= (run == 0) or (call('ZCARD', KEPT) == 0) ~= (done == 0) then
    call('DEL', unpack(KEYS))
  end
end
check()

local function pack(e)
  return e.fence .. e.digest .. e.owner .. (e.done and '1' or '0') .. (e.nonce or '........')
    .. string.format('%016.0f%012.0f', e.till, e.size)
end

local function read(key)
  local text = call('HGET', ENTRY, key)
  return text and {
    id = key, fence = text:sub(1, 16), digest = text:sub(17, 48), owner = text:sub(49, 64),
    done = text:sub(65, 65) == '1', nonce = text:sub(66, 73),
    till = tonumber(text:sub(74, 89)), size = tonumber(text:sub(90, 101)),
  }
end

local function write(e)
  call('HSET', ENTRY, e.id, pack(e))
end

local function sum(field)
  return tonumber(call('HGET', SUM, field) or 0)
end

local function pinned(owner)
  return tonumber(call('HGET', PINS, owner) or 0)
end

local function pin(owner, bytes)
  call('HINCRBY', SUM, 'p', bytes)
  if call('HINCRBY', PINS, owner, bytes) <= 0 then
    call('HDEL', PINS, owner)
  end
end

local function keep(owner, bytes)
  call('HINCRBY', SUM, 'k', bytes)
  if tonumber(call('ZINCRBY', KEPT, bytes, owner)) <= 0 then
    call('ZREM', KEPT, owner)
  end
end

local function place(e)
  return e.owner .. string.format('%016.0f', e.till) .. e.id
end

local function remove(e)
  if e.done then
    keep(e.owner, -e.size)
    call('ZREM', DONE, e.id)
    call('ZREM', OWN, place(e))
    call('HDEL', REPLY, e.id)
  else
    pin(e.owner, -e.size)
    call('ZREM', RUN, e.id)
  end
  call('HDEL', ENTRY, e.id)
  call('HINCRBY', SUM, 'n', -1)
end

-- over returns the first entry of a zset whose time has passed, or nil.
local function over(zset)
  local first = call('ZRANGEBYSCORE', zset, '-inf', now, 'LIMIT', 0, 1)[1]
  return first and read(first)
end

-- expire removes entries whose lease is over until enough() is true, and returns its last result.
local function expire(enough)
  while not enough() do
    local e = over(RUN)
    if not e then
      return false
    end
    remove(e)
  end
  return true
end

-- cheapest returns the entry that goes next for others, or nil.
local function cheapest()
  local e = over(RUN)
  if e then
    return e
  end
  local first
  local owner = call('ZREVRANGE', KEPT, 0, 0)[1]
  if owner then
    local own = call('ZRANGEBYLEX', OWN, '[' .. owner, '+', 'LIMIT', 0, 1)[1]
    if own and own:sub(1, 16) == owner then
      first = own:sub(33)
    end
  end
  first = first or call('ZRANGE', DONE, 0, 0)[1]
  return first and read(first)
end

local function makeRoom()
  while sum('p') + sum('k') > limit do
    local e = cheapest()
    if not e then
      return
    end
    remove(e)
  end
end

-- mine returns the entry of the call with a fence, or nil.
local function mine(fence)
  local e = read(id)
  return e and e.fence == fence and e or nil
end
