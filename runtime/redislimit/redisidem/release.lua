-- ARGV: limit, id, fence. Returns OK.
local e = mine(ARGV[3])
if e and not e.done then
  remove(e)
end
return { 'OK' }
