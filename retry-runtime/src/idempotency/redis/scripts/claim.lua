-- owner, fingerprint or empty, lease, ttl, whether to take an unknown record, most claims
local who, wanted = ARGV[1], ARGV[2]
local lease, keep, most = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[6])

if state ~= 'none' and wanted ~= '' and purpose ~= '' and wanted ~= purpose then
  return { 'mismatch' }
end
if state == 'd' then
  return { 'done', redis.call('HGET', key, 'b') }
end
if state == 'f' then
  if owner ~= who then
    return { 'busy', fence, lease_end - now }
  end
  -- Asked again because the answer was lost; its lease counts from the later question.
  if lease_end < now + lease then
    lease_end = now + lease
    local refused = write(lease_end + ttl, 'l', string.format('%.0f', lease_end))
    if refused then
      return refused
    end
  end
  return { 'owned', fence, took_over }
end
if state == 'u' and ARGV[5] ~= '1' then
  if lapsed then
    -- Written down, so that a replica which lags behind cannot report what its master renewed: it
    -- refuses the write.
    local refused = redis.pcall('HSET', key, 's', 'u', 'o', '', 'w', 'the lease passed without an answer')
    if type(refused) == 'table' then
      return refused
    end
  end
  return { 'unknown', fence }
end

local taken = '0'
if state == 'none' then
  fence, claims, purpose = 0, 0, ''
else
  if tonumber(claims) >= most then
    return { 'often', claims }
  end
  if state == 'u' then
    taken = '1'
  end
end
fence = string.format('%.0f', fence + 1)
if wanted == '' then
  wanted = purpose
end
local refused = write(
  now + lease + keep,
  'v', '1',
  's', 'f',
  'o', who,
  'n', fence,
  'c', string.format('%.0f', claims + 1),
  't', ARGV[4],
  'l', string.format('%.0f', now + lease),
  'k', taken,
  'p', wanted
)
if refused then
  return refused
end
if state ~= 'none' then
  redis.call('HDEL', key, 'w')
end
return { 'owned', fence, taken }
