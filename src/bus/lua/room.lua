-- ---- rooms and their members: what scripts that change one have in common

-- What came of it for those who keep a book of all rooms, in front of the answer: FRAME_HAPPENED.
local happened = {}

local function tell(room, version, event, peer, reason)
    if TELLS == 1 then
        happened[#happened + 1] = frame(HAPPENED, NOBODY, me,
            pack('<I8I4I4', version, reason, event) .. text(room.name) .. text(peer))
    end
end

local function unpack_member(bytes)
    local passed_at = 70 + bytes:byte(69)
    local info_at = passed_at + 1 + 16 * bytes:byte(passed_at)
    return {
        worker = bytes:sub(1, 8),
        former = bytes:sub(9, 16), -- who held it before it was taken over
        flags = bytes:byte(17),
        secret = bytes:sub(18, 33),
        previous = bytes:sub(34, 49), -- still proof, until the client is seen to have the new one
        since = unpack_bytes('<I8', bytes, 50), -- Unix ms
        stint = bytes:sub(58, 60), -- of who holds it, or did when it became nobody's
        taken = bytes:sub(61, 68), -- the room's version when it was entered or taken over, <I8
        address = bytes:sub(70, passed_at - 1),
        passed = bytes:sub(passed_at + 1, info_at - 1), -- secrets that had it by the same proof before
        info = bytes:sub(info_at),
    }
end

local function new_member(secret, info, address, stint)
    return {
        worker = me,
        former = me,
        flags = 0,
        secret = secret,
        previous = NO_SECRET,
        since = now_ms(),
        stint = stint,
        taken = NO_VERSION,
        address = address,
        passed = '',
        info = info == '' and '{}' or info,
    }
end

local function pack_member(member)
    return member.worker .. member.former .. string.char(member.flags) .. member.secret ..
        member.previous .. pack('<I8', member.since) .. member.stint .. member.taken ..
        string.char(#member.address) .. member.address .. string.char(#member.passed / 16) ..
        member.passed .. member.info
end

-- Whether this secret had the membership, until another took it over by the same proof.
local function has_passed(member, secret)
    for at = 1, #member.passed, 16 do
        if member.passed:sub(at, at + 15) == secret then
            return true
        end
    end
    return false
end

local function has(member, flag)
    return member.flags % (2 * flag) >= flag
end

local function set(member, flag, on)
    if has(member, flag) ~= on then
        member.flags = member.flags + (on and flag or -flag)
    end
end

-- A room as a script changes it; save() writes it back, and the members that were put().
local function new_room(key, version, hosts, settings)
    return {
        key = key,
        name = key:sub(#prefix + 7, -2),
        version = tonumber(version), -- nil: there is no such room
        hosts = hosts or '',
        settings = settings or '', -- bytes; read_settings()
        members = {}, -- field, value, ...
    }
end

-- The room, and one of its members or nil.
local function load_one(key, peer)
    local got = call('HMGET', key, 'v', 'h', 's', 'm:' .. peer)
    return new_room(key, got[1], got[2], got[3]), got[4] and unpack_member(got[4])
end

local function load_all(key)
    local got, room, peers = call('HGETALL', key), new_room(key), {}
    for i = 1, #got, 2 do
        local field, value = got[i], got[i + 1]
        if field == 'v' then
            room.version = tonumber(value)
        elseif field == 'h' then
            room.hosts = value
        elseif field == 's' then
            room.settings = value
        else
            peers[#peers + 1] = {name = field:sub(3), bytes = value}
        end
    end
    return room, peers
end

local function put(room, peer, member)
    local at = #room.members
    room.members[at + 1], room.members[at + 2] = 'm:' .. peer, pack_member(member)
end

-- In pieces that fit on Lua's stack.
local function save(room)
    local piece, all = 1000, #room.members
    call('HSET', room.key, 'v', room.version, 'h', room.hosts,
        unpack(room.members, 1, math.min(piece, all)))
    for at = piece + 1, all, piece do
        call('HSET', room.key, unpack(room.members, at, math.min(at + piece - 1, all)))
    end
    room.members = {}
end

-- Above every version that a room of this name had before, whose clock was this one.
local function start(room)
    now_ms()
    room.version = clock[1] * 1000000 + clock[2]
    call('ZADD', prefix .. 'rooms', 0, room.name)
    tell(room, room.version, ROOM_OPENED, '', 0)
end

local function drop_room(room, reason)
    tell(room, room.version + 1, ROOM_ENDED, '', reason)
    call('DEL', room.key)
    call('ZREM', prefix .. 'rooms', room.name)
    if room.settings ~= '' then
        call('ZREM', prefix .. 'vacant', room.name)
    end
end

-- ---- hosts

local function find_host(room, worker)
    for at = 1, #room.hosts, 12 do
        if room.hosts:sub(at, at + 7) == worker then
            return at, (unpack_bytes('<I4', room.hosts, at + 8))
        end
    end
end

local function change_host(room, at, with)
    room.hosts = room.hosts:sub(1, at - 1) .. with .. room.hosts:sub(at + 12)
end

-- One that was reaped meanwhile, or never beat, is known as a worker from now on, so that it will
-- be reaped; but its next beat still says that it was lost.
local function host_enter(room, worker)
    local at, members = find_host(room, worker)
    if at then
        change_host(room, at, worker .. pack('<I4', members + 1))
        return
    end
    room.hosts = room.hosts .. worker .. pack('<I4', 1)
    call('SADD', prefix .. 'rooms:' .. hex(worker), room.name)
    call('ZADD', prefix .. 'workers', 'NX', now_ms() + LEASE + 0.5, hex(worker))
end

local function host_leave(room, worker)
    local at, members = find_host(room, worker)
    if not at then
        return
    elseif members > 1 then
        change_host(room, at, worker .. pack('<I4', members - 1))
    else
        change_host(room, at, '')
        call('SREM', prefix .. 'rooms:' .. hex(worker), room.name)
    end
end

-- Tells an event to every host but `except`. `before` and `behind`: its fields before the room's
-- name, and behind the peer's.
local function announce(room, kind, before, peer, behind, except)
    room.version = room.version + 1
    local fields = pack('<I8', room.version) .. before .. text(room.name) .. text(peer) .. behind
    for at = 1, #room.hosts, 12 do
        local worker = room.hosts:sub(at, at + 7)
        if worker ~= except then
            post(worker, frame(kind, NOBODY, worker, fields))
        end
    end
end
