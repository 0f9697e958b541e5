-- Reads the record of KEYS[1] and stands before every script.
--
-- A record is a hash that Redis expires by itself:
--
--   v  version of this layout
--   s  state: f in flight, d done, r released, u unknown
--   o  owner of the last claim; empty once the claim is over for it, by its lease or by an operator
--   n  fence
--   c  claims
--   t  how long it is kept when nobody is at work on it, ms
--   l  end of the lease by this server's clock, ms
--   k  1 when the last claim took over an unknown record
--   p  fingerprint, or empty
--   b  the answer of a done record
--   w  what is known of a released or unknown one

local key = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- `pcall` keeps the code of the server's error, which `call` hides in older versions.
local found = redis.pcall('HMGET', key, 'v', 's', 'o', 'n', 'c', 't', 'l', 'k', 'p')
if found.err then
  return found
end
local version, state, owner, fence, claims, ttl, lease_end, took_over, purpose = unpack(found)
local lapsed = false

local function whole(text)
  -- Beyond 15 digits Lua's numbers are no longer exact.
  return text and #text <= 15 and string.find(text, '^%d+$')
end

if not version then
  if redis.call('EXISTS', key) == 1 then
    return { 'corrupt', 'a hash without a version' }
  end
  state = 'none'
elseif not whole(version) then
  return { 'corrupt', 'the version is no number' }
elseif tonumber(version) > 1 then
  return { 'newer', version }
else
  local wrong = not (state and string.find(state, '^[fdru]$')) and 'state'
    or not (owner and string.find(owner, '^%x*$') and (#owner == 0 or #owner == 32)) and 'owner'
    or not whole(fence) and 'fence'
    or not whole(claims) and 'number of claims'
    or not whole(ttl) and 'time to live'
    or not whole(lease_end) and 'lease'
    or not (took_over == '0' or took_over == '1') and 'mark of a take-over'
    or not (purpose and string.find(purpose, '^%x*$') and (#purpose == 0 or #purpose == 64)) and 'fingerprint'
    or state == 'd' and redis.call('HEXISTS', key, 'b') == 0 and 'answer'
  if wrong then
    return { 'corrupt', 'its ' .. wrong .. ' cannot be read' }
  end
  ttl = tonumber(ttl)
  lease_end = tonumber(lease_end)
  if state == 'f' and lease_end <= now then
    state = 'u'
    owner = ''
    lapsed = true
  end
end

-- Writes fields and the time at which the record is forgotten. Returns the server's error, if it
-- refuses: then nothing was written.
local function write(expires, ...)
  local refused = redis.pcall('HSET', key, ...)
  if type(refused) == 'table' then
    return refused
  end
  redis.call('PEXPIREAT', key, string.format('%.0f', expires))
end

local function lost()
  if state == 'none' then
    return { 'lost' }
  end
  return { 'lost', fence }
end

