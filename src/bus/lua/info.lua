#!lua
-- FRAME_INFO.
local peer, secret, info = ARGV[3], ARGV[4], ARGV[5]

local room, member = load_fenced(KEYS[1], peer, secret)
if member and member.info ~= info then
    member.info = info
    announce(room, CHANGED, '', peer, text(info), nil)
    put(room, peer, member)
    save(room)
    send_outbox()
end
return ''
