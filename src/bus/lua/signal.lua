#!lua
-- FRAME_SIGNAL to a mailbox: held there until somebody claims it, then passed on to where the peer
-- is. Not done twice.
local number, from = tonumber(ARGV[3]), ARGV[4] -- number of the ask
local hops, peer, sender, id = tonumber(ARGV[5]), ARGV[6], ARGV[7], ARGV[8]
local data, message = ARGV[9], ARGV[10] -- as the sender sent it; as the receiver gets it
local messages_max, bytes_max = tonumber(ARGV[11]), tonumber(ARGV[12]) -- 0: none

if number <= (tonumber(call('HGET', prefix .. 'told', me)) or 0) then
    return ''
end
local room, member = load_one(KEYS[1], peer)
local names = text(room.name) .. text(peer) .. text(sender) .. text(id)

local function hold(mail)
    if (messages_max > 0 and mail.count >= messages_max) or
        (bytes_max > 0 and mail.bytes + #data > bytes_max) then
        return PEER_BUSY
    end
    mail.count, mail.bytes = mail.count + 1, mail.bytes + #message
    call('RPUSH', mail.key, 'M' .. message)
    save_head(mail)
end

local function undelivered(error)
    return frame(UNDELIVERED, MAILBOX, from, pack('<i4I4', error, 0) .. names)
end

local mail = load_open_mail(room, peer, member)
if not mail then
    local signal = frame(SIGNAL, from, NOBODY, string.char(hops) .. NO_STINT .. names .. text(data))
    return onward(member, signal) or undelivered(member and UNAVAILABLE or PEER_NOT_FOUND)
end
local error = hold(mail)
if error then
    return undelivered(error)
end
call('HSET', prefix .. 'told', me, number)
return ''
