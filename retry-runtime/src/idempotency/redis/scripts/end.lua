-- owner, fence, the state to end in, its text (the answer of `d`, else a note), ttl or empty for the
-- one of the claim
local into, field = ARGV[3], 'w'
if ARGV[3] == 'd' then
  field = 'b'
end
if owner ~= ARGV[1] or fence ~= ARGV[2] then
  return lost()
end
if state == into then
  -- Asked again because the answer was lost.
  return { 'made' }
end
if state ~= 'f' then
  return lost()
end
if ARGV[5] ~= '' then
  ttl = tonumber(ARGV[5])
end
return write(now + ttl, 's', into, field, ARGV[4], 't', string.format('%.0f', ttl)) or { 'made' }
