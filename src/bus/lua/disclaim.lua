#!lua flags=allow-oom
-- FRAME_DISCLAIM: nobody holds this membership on the worker that is its holder here: an older copy of
-- this Redis took its place, which did not see it go elsewhere or leave.
local peer, stint, window = ARGV[3], ARGV[4], tonumber(ARGV[5]) -- ms

local room, member = load_one(KEYS[1], peer)
if member and member.worker == me and member.stint == stint then
    orphan(room, peer, member, NOBODY, window)
    save(room)
    send_outbox()
end
return ''
