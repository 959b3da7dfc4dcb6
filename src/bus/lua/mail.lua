-- ---- mailboxes: what a drained worker held for a peer until that comes back elsewhere
--
-- mail:{<room>}:<peer> is a head, then the messages ('M' in front of each), and the frames that wait
-- for who will claim it ('W' in front), as they came.

local function mail_key(room, peer)
    return prefix .. 'mail:{' .. room.name .. '}:' .. peer
end

local function pack_head(mail)
    return pack('<I8I8I8I8I8I4i4', mail.received, mail.acked, mail.count, mail.bytes, mail.waiting,
        mail.claim, mail.error) .. mail.claimant
end

-- nil: there is none.
local function load_mail(room, peer, member)
    local key = mail_key(room, peer)
    local head = member and has(member, MAIL) and call('LINDEX', key, 0)
    if not head then
        return nil
    end
    local mail = {key = key, claimant = head:sub(49)} -- NOBODY: nobody yet
    mail.received, mail.acked, mail.count, mail.bytes, mail.waiting, mail.claim, mail.error =
        unpack_bytes('<I8I8I8I8I8I4i4', head)
    return mail
end

local function load_open_mail(room, peer, member)
    local mail = load_mail(room, peer, member)
    return mail and mail.claimant == NOBODY and mail
end

local function save_head(mail)
    call('LSET', mail.key, 0, pack_head(mail))
end

-- The same FRAME_FENCE, FRAME_SIGNAL or FRAME_UNDELIVERED for somebody else, passed on once more.
-- Answers still go to who it is from. Returns also how often it was.
local HOPS_AT = {[FENCE] = 34, [SIGNAL] = 22, [UNDELIVERED] = 26}

local function readdress(bytes, to, stint)
    local at = HOPS_AT[bytes:byte(5)]
    local hops = bytes:byte(at) + 1
    return bytes:sub(1, 13) .. to .. bytes:sub(22, at - 1) .. string.char(hops) .. stint ..
        bytes:sub(at + 4), hops
end

-- The frame for where the peer is now: an answer that is for another worker, so that it goes there by the
-- link of who asked, which loses nothing. nil: it is nowhere, or this went round too often.
local function onward(member, bytes)
    if not member or member.worker == NOBODY or member.worker == MAILBOX then
        return nil
    end
    local readdressed, hops = readdress(bytes, member.worker, member.stint)
    return hops <= HOPS_MAX and readdressed or nil
end

local function keep_waiting(mail, bytes)
    if mail.waiting + #bytes <= WAITING_MAX then
        mail.waiting = mail.waiting + #bytes
        call('RPUSH', mail.key, 'W' .. bytes)
        save_head(mail)
    end
end

local function fenced(request, room, peer, from, to, stint)
    return frame(FENCED, from, to, request .. stint .. text(room.name) .. text(peer))
end

-- What waits in a mailbox that nobody claimed goes where the member is now: reports, without a link.
local function release_waiting(room, peer, member, mail)
    for _, kept in ipairs(call('LRANGE', mail.key, 1, -1)) do
        local report = kept:sub(1, 1) == 'W' and onward(member, kept:sub(2))
        if report then
            post(member.worker, report)
        end
    end
end

local function discard_mail(room, peer, member)
    call('DEL', mail_key(room, peer))
    set(member, MAIL, false)
end

-- What it holds is lost.
local function drop_mail(room, peer, member)
    if not has(member, MAIL) then
        return
    end
    local mail = load_open_mail(room, peer, member)
    if mail and mail.waiting > 0 then
        release_waiting(room, peer, member, mail)
    end
    discard_mail(room, peer, member)
end
