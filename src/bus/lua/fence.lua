#!lua
-- FRAME_FENCE to a mailbox: goes the way that signals go.
local from, hops, peer, holder = ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]

local room, member = load_one(KEYS[1], peer)
local mail = load_open_mail(room, peer, member)
local fence = frame(FENCE, from, NOBODY,
    holder .. pack('<I4', hops) .. text(room.name) .. text(peer))

if mail and holder == MAILBOX then
    return fenced(room, peer, MAILBOX, from)
elseif mail then
    keep_waiting(mail, fence)
elseif not pass_on(member, fence) then
    return fenced(room, peer, NOBODY, from)
end
return ''
