#!lua
-- FRAME_FENCE to a mailbox: goes the way that signals go, and who would hold one answers.
local from, hops, stint, peer, leaver = ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6], ARGV[7]

local room, member = load_one(KEYS[1], peer)
local fence = frame(FENCE, from, NOBODY,
    leaver .. string.char(hops) .. stint .. text(room.name) .. text(peer))

if load_open_mail(room, peer, member) then
    return fenced(room, peer, MAILBOX, from, member.stint)
end
return onward(member, fence) or fenced(room, peer, NOBODY, from, NO_STINT)
