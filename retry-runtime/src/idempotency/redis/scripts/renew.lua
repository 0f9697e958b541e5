-- owner, fence, lease
if state ~= 'f' or owner ~= ARGV[1] or fence ~= ARGV[2] then
  return lost()
end
lease_end = now + tonumber(ARGV[3])
return write(lease_end + ttl, 'l', string.format('%.0f', lease_end)) or { 'made' }
