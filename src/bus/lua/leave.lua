#!lua flags=allow-oom
-- FRAME_LEAVE.
local peer, secret, reason = ARGV[3], ARGV[4], tonumber(ARGV[5])

local room, member = load_fenced(KEYS[1], peer, secret)
if member then
    remove(room, peer, member, reason)
    send_outbox()
end
return table.concat(happened)
