-- the only state that is of interest, or empty
if state == 'none' or (ARGV[1] ~= '' and ARGV[1] ~= state) then
  return { 'none' }
end
local texts = redis.call('HMGET', key, 'b', 'w')
if lapsed then
  texts[2] = 'the lease passed without an answer'
end
if state == 'd' then
  texts[2] = false
else
  texts[1] = false
end
return { 'record', state, fence, claims, redis.call('PTTL', key), texts[1], texts[2] }
