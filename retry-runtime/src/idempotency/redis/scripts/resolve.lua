-- fence, the state to end in, its text (the answer of `d`, else a note)
local into, field = ARGV[2], 'w'
if into == 'd' then
  field = 'b'
end
if state == 'none' or fence ~= ARGV[1] then
  return lost()
end
if state == into and owner == '' and redis.call('HGET', key, field) == ARGV[3] then
  -- Asked again because the answer was lost.
  return { 'made' }
end
if state ~= 'u' then
  return lost()
end
-- What nobody can be blamed for does not count as a claim.
return write(now + ttl, 's', into, 'o', '', 'c', '0', field, ARGV[3]) or { 'made' }
