#!lua flags=allow-oom
-- FRAME_AWAY: the socket is lost, the worker holds what comes.
local peer, secret, unheard = ARGV[3], ARGV[4], ARGV[5] == '1'

local room, member = load_fenced(KEYS[1], peer, secret)
if member and not has(member, AWAY) then
    set(member, AWAY, true)
    set(member, UNHEARD, unheard)
    announce(room, GONE_AWAY, me, peer, '', nil)
    put(room, peer, member)
    save(room)
    send_outbox()
end
return ''
