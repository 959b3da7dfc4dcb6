#!lua flags=allow-oom
-- FRAME_CONFIRM: the client has its new secret and what was held; the old ones can go.
local peer, secret = ARGV[3], ARGV[4]

local room, member = load_fenced(KEYS[1], peer, secret)
if member then
    drop_mail(room, peer, member)
    member.previous, member.passed = NO_SECRET, ''
    call('HSET', KEYS[1], 'm:' .. peer, pack_member(member))
    send_outbox()
end
return ''
