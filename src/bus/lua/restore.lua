#!lua
-- FRAME_RESTORE: a worker holds a membership that is to be so again, whatever happened here. It is
-- believed unless somebody else has the membership; then it hears FRAME_EVICTED.
local peer, secret, proof, info = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local version, away = tonumber(ARGV[7]), ARGV[8] == '1' -- version of the room as it knows it
local address, settings = ARGV[9], ARGV[10]             -- settings of the room, the same
local stint, taken = ARGV[11], tonumber(ARGV[12])

local room, member = load_one(KEYS[1], peer)

local function evict(reason)
    return frame(EVICTED, NOBODY, me, pack('<I4', reason) .. secret .. text(room.name) .. text(peer))
end

-- What is told from now on must be seen as later than what anybody knows of the room, also by who is
-- not believed.
if room.version and room.version < version then
    room.version = version
    call('HSET', room.key, 'v', version)
end

-- Its settings are the newest that anybody knows.
local function catch_up()
    if not room.version then
        start(room)
    end
    room.version = math.max(room.version, version)
    restore_settings(room, settings)
end

local function tell_away()
    set(member, AWAY, true)
    announce(room, GONE_AWAY, me, peer, '', me)
end

local function store()
    put(room, peer, member)
    save(room)
    send_outbox()
    return table.concat(happened)
end

local function add()
    catch_up()
    member = new_member(secret, info, address, stint)
    member.previous, member.taken = proof, pack('<I8', taken)
    host_enter(room, me)
    occupy(room)
    announce(room, JOINED, me .. stint, peer, text(member.info), me)
    tell(room, room.version, PEER_JOINED, peer, 0)
    if away then
        tell_away()
    end
    return store()
end

local function is_proof(of)
    return of ~= NO_SECRET and (of == member.secret or of == member.previous)
end

-- Whether it took over what is here, or what came of that: this Redis has lost it, an older copy took
-- its place. Who has the membership here was never told of anything later.
local function came_after()
    return (proof ~= NO_SECRET and proof == member.secret) or
        taken > unpack_bytes('<I8', member.taken)
end

local function is_in_mailbox()
    return member.worker == MAILBOX and has(member, MAIL)
end

-- Whether who holds it now is still to claim what this one holds; or this one itself has put it
-- into the mailbox.
local function is_given_away()
    if is_in_mailbox() then
        return member.secret == secret
    end
    return member.secret ~= secret and member.worker ~= NOBODY and member.former == me and
        (is_proof(secret) or has_passed(member, secret))
end

-- Whether nobody else has come to hold the membership since.
local function is_holders()
    if member.secret == secret then
        return true
    elseif member.worker == NOBODY then
        return is_proof(secret) or is_proof(proof)
    end
    return member.worker == me and not is_proof(secret)
end

local function give_back(claimed)
    local was_away, same = has(member, AWAY), member.worker == me and member.secret == secret
    local former = move(room, peer, member, me)
    catch_up()
    if member.secret ~= secret then -- the client may have seen either
        member.previous, member.secret = member.secret, secret
    end
    member.taken = pack('<I8', math.max(taken, (unpack_bytes('<I8', member.taken))))
    member.stint = stint
    if address ~= '' then
        member.address = address
    end
    if former ~= me or (was_away and not away) then
        announce_moved(room, peer, member)
    end
    if not same and info ~= member.info then -- else what is here is later than what it knew
        member.info = info
        announce(room, CHANGED, '', peer, text(info), me)
    end
    if away and (not was_away or former ~= me) then
        tell_away()
    end
    set(member, AWAY, away)
    host_leave(room, former)
    if claimed and has(member, MAIL) then
        discard_mail(room, peer, member)
    end
    return store()
end

-- An administrator may have ended it, of which its holder has not heard.
local function add_unless_ended()
    local ended = find_ended(room, secret, proof)
    if not ended and is_banned(read_settings(room.settings), peer) then
        ended = LEAVE_KICKED
    end
    return ended and evict(ended) or add()
end

if not member then
    return add_unless_ended()
elseif came_after() then
    return give_back(true) -- what is in the mailbox here was handed to it
elseif is_given_away() then
    return ''
elseif is_holders() and not is_in_mailbox() then
    return give_back()
end
return evict(LEAVE_REPLACED)
