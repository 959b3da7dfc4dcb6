#!lua
-- FRAME_JOIN and FRAME_RESUME: become a member, or take over the membership that `proof` proves.
-- Asked again by who has entered already, it answers as the first time.
local request, peer, secret, proof, info = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local rooms_max, peers_max = tonumber(ARGV[8]), tonumber(ARGV[9]) -- 0: none
local resuming = proof ~= '' -- of 16 bytes then

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
    return frame(ROOM, NOBODY, me,
        request .. pack('<I8', room.version) .. former .. pack('<I4', outcome) ..
            text(room.name) .. text(table.concat(others)) .. text(''))
end

local function store()
    put(room, peer, member)
    save(room)
end

-- Its worker may have been taken for dead meanwhile.
local function answer_again()
    if member.worker == NOBODY then
        move(room, peer, member, me)
        announce(room, MOVED, me, peer, '', me)
        store()
    elseif member.worker ~= me then
        return refuse(UNAVAILABLE)
    end
    return reply(has(member, TAKEN_OVER) and ROOM_TAKEN_OVER or ROOM_ENTERED, member.former)
end

local function take_over()
    member.former = move(room, peer, member, me)
    if member.former == NOBODY then
        drop_mail(room, peer, member) -- who was to claim it crashed
    end
    member.previous, member.secret = proof, secret
    set(member, TAKEN_OVER, true)
    announce(room, MOVED, me, peer, '', me)
    if info ~= '' and info ~= member.info then
        member.info = info
        announce(room, CHANGED, '', peer, text(info), me)
    end
    host_leave(room, member.former)
    store()
    return reply(ROOM_TAKEN_OVER, member.former)
end

local function enter_anew()
    if not room.version and rooms_max > 0 and call('SCARD', prefix .. 'rooms') >= rooms_max then
        return refuse(UNAVAILABLE)
    elseif peers_max > 0 and #others >= peers_max then
        return refuse(ROOM_FULL)
    elseif not room.version then
        start(room)
    end
    member = new_member(secret, info)
    host_enter(room, me)
    announce(room, JOINED, me, peer, text(member.info), me)
    store()
    return reply(ROOM_ENTERED, me)
end

-- Its client may never have learnt that it is a member, and be the very one that asks.
local function replace()
    leave(room, peer, member, LEAVE_REPLACED)
    save(room)
    local answer = enter_anew()
    send_outbox()
    return answer
end

local function proves()
    return proof ~= NO_SECRET and (proof == member.secret or proof == member.previous)
end

if not member then
    return enter_anew()
elseif member.secret == secret then
    return answer_again()
elseif resuming and proves() then
    return take_over()
elseif has(member, UNHEARD) then
    return replace()
end
return refuse(PEER_TAKEN)
