#!lua
-- FRAME_JOIN and FRAME_RESUME: become a member, or take over the membership that `proof` proves.
-- Asked again by who has entered already, it answers as the first time.
local request, peer, secret, proof, info = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local address, flags, asked_max = ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10])
local ticket, ticket_ms = ARGV[11], tonumber(ARGV[12]) -- '': none is needed
local rooms_max, peers_max = tonumber(ARGV[13]), tonumber(ARGV[14]) -- 0: none
local made_rooms_only = ARGV[15] == '1'
local resuming = proof ~= '' -- of 16 bytes then
local stint = request:sub(1, 3)
local is_proven, is_admin = flags % 2 >= PROVEN, flags % 4 >= ADMIN

local room, peers = load_all(KEYS[1])
local member
local others, size = {}, 0
for _, other in ipairs(peers) do
    local unpacked = unpack_member(other.bytes)
    if other.name == peer then
        member = unpacked
    else
        others[#others + 1] = roster_entry(other.name, unpacked)
        size = size + #others[#others]
    end
end

local function refuse(error)
    return frame(REFUSED, NOBODY, me, request .. pack('<i4', error) .. text(room.name))
end

if size > ROSTER_MAX then
    return refuse(UNAVAILABLE)
end

local function reply(outcome, former)
    others[#others + 1] = roster_entry(peer, member)
    send_outbox()
    return table.concat(happened) .. frame(ROOM, NOBODY, me,
        request .. pack('<I8', room.version) .. former .. pack('<I4', outcome) ..
            text(room.name) .. text(table.concat(others)) .. text(room.settings))
end

local function store()
    put(room, peer, member)
    save(room)
end

-- What the first answer told was lost with it.
local function tell_again()
    if has(member, TAKEN_OVER) then
        return
    end
    if has(member, OPENED) then
        tell(room, room.version, ROOM_OPENED, '', 0)
    end
    tell(room, room.version, PEER_JOINED, peer, 0)
end

-- Its worker may have been taken for dead meanwhile.
local function answer_again()
    if member.worker == NOBODY then
        move(room, peer, member, me)
        announce_moved(room, peer, member)
        store()
    elseif member.worker ~= me then
        return refuse(UNAVAILABLE)
    end
    tell_again()
    return reply(has(member, TAKEN_OVER) and ROOM_TAKEN_OVER or ROOM_ENTERED, member.former)
end

-- The proof is good for more than one. The first of them, asked again, must not have it again.
local function pass_by()
    if member.secret == proof then
        member.passed = ''
    else
        member.passed = (member.passed .. member.secret):sub(-16 * PASSED_MAX)
    end
end

local function take_over()
    member.former = move(room, peer, member, me)
    if member.former == NOBODY then
        drop_mail(room, peer, member) -- who was to claim it crashed
    end
    pass_by()
    member.previous, member.secret, member.stint = proof, secret, stint
    if address ~= '' then
        member.address = address
    end
    set(member, TAKEN_OVER, true)
    announce_moved(room, peer, member)
    member.taken = pack('<I8', room.version)
    if info ~= '' and info ~= member.info then
        member.info = info
        announce(room, CHANGED, '', peer, text(info), me)
    end
    host_leave(room, member.former)
    store()
    return reply(ROOM_TAKEN_OVER, member.former)
end

-- The first check that objects decides. The same checks in the same order as directory_admit.c.

-- A client that missed its end is to hear of that, not to begin anew.
local function check_ended()
    local ended = resuming and proof ~= NO_SECRET and find_ended(room, proof, proof)
    if ended then
        return ended == LEAVE_KICKED and KICKED or ROOM_CLOSED
    end
end

local function check_ticket()
    if ticket ~= '' and call('EXISTS', prefix .. 'ticket:' .. ticket) == 1 then
        return UNAUTHORIZED
    end
end

-- One whose client may never have learnt that it is a member may have come again.
local function check_name()
    if member and not is_proven and not has(member, UNHEARD) then
        return PEER_TAKEN
    end
end

local function check_lock(settings)
    if settings.locked == 1 and not is_admin and not (member and is_proven) then
        return ROOM_LOCKED
    end
end

local function check_room()
    if room.version then
        return
    elseif made_rooms_only then
        return ROOM_CLOSED
    elseif rooms_max > 0 and call('ZCARD', prefix .. 'rooms') >= rooms_max then
        return TOO_MANY_ROOMS
    end
end

local function check_space(settings)
    local limit = settings.peers_max > 0 and settings.peers_max or peers_max
    if asked_max > 0 and (limit == 0 or asked_max < limit) then
        limit = asked_max
    end
    if limit > 0 and #others >= limit then
        return ROOM_FULL
    end
end

local function admit()
    local settings = read_settings(room.settings)
    return check_ended() or (is_banned(settings, peer) and FORBIDDEN) or check_ticket() or
        check_name() or check_lock(settings) or check_room() or check_space(settings)
end

local function use_ticket()
    if ticket ~= '' then
        local ms = math.max(math.min(ticket_ms, TIME_MAX), TICKET_LEAST)
        call('SET', prefix .. 'ticket:' .. ticket, 1, 'PX', ms)
    end
end

local function enter_anew()
    local error = admit()
    if error then
        return refuse(error)
    end
    use_ticket()
    local opens = not room.version
    if opens then
        start(room)
    end
    if member then
        expel(room, peer, member, LEAVE_REPLACED)
    end
    member = new_member(secret, info, address, stint)
    set(member, OPENED, opens)
    host_enter(room, me)
    occupy(room)
    announce(room, JOINED, me .. stint, peer, text(member.info), me)
    member.taken = pack('<I8', room.version)
    tell(room, room.version, PEER_JOINED, peer, 0)
    store()
    return reply(ROOM_ENTERED, me)
end

local function proves()
    return proof ~= NO_SECRET and (proof == member.secret or proof == member.previous)
end

if member and member.secret == secret then
    return answer_again()
elseif member and has_passed(member, secret) then
    return refuse(UNAVAILABLE)
elseif member and resuming and proves() then
    return take_over()
end
return enter_anew()
