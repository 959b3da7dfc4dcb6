#!lua flags=allow-oom
-- FRAME_CLAIM to a mailbox: it hands over what it holds, and is kept until FRAME_CONFIRM, so that
-- the same claim again gets the same answer.
local request, peer, received = ARGV[3], ARGV[4], tonumber(ARGV[5])

local room, member = load_one(KEYS[1], peer)
local mail = load_mail(room, peer, member)
local number = unpack_bytes('<I4', request)
local answer = {}

local function hold(message)
    answer[#answer + 1] = frame(HOLD, MAILBOX, me,
        request .. text(room.name) .. text(peer) .. text(message))
end

local function handed(count, error)
    answer[#answer + 1] = frame(HANDED, MAILBOX, me, request .. pack('<i4I8', error, count) ..
        text(room.name) .. text(peer))
end

local function hand_over()
    local number_of, waiting = mail.acked, {}
    for _, kept in ipairs(call('LRANGE', mail.key, 1, -1)) do
        if kept:sub(1, 1) == 'W' then
            waiting[#waiting + 1] = readdress(kept:sub(2), me, NO_STINT)
        else
            number_of = number_of + 1
            if mail.error == 0 and number_of > received then
                hold(kept:sub(2))
            end
        end
    end
    handed(mail.received, mail.error)
    for _, bytes in ipairs(waiting) do
        answer[#answer + 1] = bytes
    end
end

if not mail or (mail.claimant ~= NOBODY and (mail.claimant ~= me or mail.claim ~= number)) then
    handed(0, UNAVAILABLE)
else
    local counts_meet = received >= mail.acked and received <= mail.acked + mail.count
    mail.error = counts_meet and 0 or UNAVAILABLE
    mail.claimant, mail.claim = me, number
    save_head(mail)
    hand_over()
end
return table.concat(answer)
