#!lua
-- FRAME_UNDELIVERED to a mailbox: `sender` sent the signal, and is who is to be told.
local from, hops, peer, sender, id = ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6], ARGV[7]
local error = tonumber(ARGV[8])

local room, member = load_one(KEYS[1], sender)
local mail = load_open_mail(room, sender, member)
local back = frame(UNDELIVERED, from, NOBODY, pack('<i4B', error, hops) .. NO_STINT ..
    text(room.name) .. text(peer) .. text(sender) .. text(id))

if mail then
    keep_waiting(mail, back)
    return ''
end
return onward(member, back) or ''
