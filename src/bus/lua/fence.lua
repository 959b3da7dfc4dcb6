#!lua
-- FRAME_FENCE to a mailbox: goes the way that signals go, and who would hold one answers.
local request, from, hops = ARGV[3], ARGV[4], tonumber(ARGV[5])
local stint, peer, leaver = ARGV[6], ARGV[7], ARGV[8]

local room, member = load_one(KEYS[1], peer)
local fence = frame(FENCE, from, NOBODY,
    request .. leaver .. string.char(hops) .. stint .. text(room.name) .. text(peer))

if load_open_mail(room, peer, member) then
    return fenced(request, room, peer, MAILBOX, from, member.stint)
end
return onward(member, fence) or fenced(request, room, peer, NOBODY, from, NO_STINT)
