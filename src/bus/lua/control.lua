#!lua flags=allow-oom
-- FRAME_CONTROL: what administrators ask; documents as in control.h.
local number = tonumber(ARGV[3]) -- of the ask
local request, op, peer = ARGV[4], tonumber(ARGV[5]), ARGV[6]
local version, data, rooms_max = tonumber(ARGV[7]), ARGV[8], tonumber(ARGV[9])

local function answer(outcome, settings_version, document, error)
    return frame(CONTROLLED, NOBODY, me, request .. pack('<i4', error or 0) ..
        pack('<I8I4', settings_version or 0, outcome) .. text(document or ''))
end

local function reached(outcome, count, settings_version)
    return answer(outcome, settings_version, pack('<I4', count))
end

-- ---- reading

local function describe()
    local room, peers = load_all(KEYS[1])
    if not room.version then
        return answer(CONTROL_NO_ROOM)
    end
    local parts, size = {text(room.settings)}, 4 + #room.settings
    for i, entry in ipairs(peers) do
        local member = unpack_member(entry.bytes)
        parts[i + 1] = member.worker .. (has(member, AWAY) and '\1' or '\0') ..
            pack('<I8', member.since) .. text(entry.name) .. text(member.info) .. text(member.address)
        size = size + #parts[i + 1]
    end
    if size > CONTROL_ANSWER_MAX then
        return answer(0, 0, '', UNAVAILABLE)
    end
    return answer(CONTROL_DONE, read_settings(room.settings).version, table.concat(parts))
end

-- Of this shard alone.
local function listing(more, entries)
    return answer(CONTROL_DONE, 0, pack('<BI4I4I4', more and 1 or 0, 1, 0, 0) .. table.concat(entries))
end

-- A text in `data`, and where what is behind it begins; nil: there is none, or it is too long.
local function take_name(at)
    local len, from = 0, at
    if at and at + 3 <= #data then
        len, from = unpack_bytes('<I4', data, at)
    end
    if from ~= at and len <= NAME_MAX and from + len - 1 <= #data then
        return data:sub(from, from + len - 1), from + len
    end
end

local function unpack_query()
    local limit = #data >= 4 and unpack_bytes('<I4', data) or 0
    local start_with, at = take_name(5)
    local after, behind = take_name(at)
    if after and behind == #data + 1 and limit >= 1 and limit <= CONTROL_LIST_MAX then
        return limit, start_with, after
    end
end

-- Bytes, whatever the locale.
local function is_less(a, b)
    for i = 1, math.min(#a, #b) do
        if a:byte(i) ~= b:byte(i) then
            return a:byte(i) < b:byte(i)
        end
    end
    return #a < #b
end

local function list()
    local limit, start_with, after = unpack_query()
    if not limit then
        return answer(CONTROL_INVALID)
    end
    local from = is_less(after, start_with) and '[' .. start_with or '(' .. after
    local to = start_with == '' and '+' or '(' .. start_with .. '\255' -- no UTF-8 has that byte
    local names = call('ZRANGEBYLEX', prefix .. 'rooms', from, to, 'LIMIT', 0, limit + 1)
    local entries = {}
    for i = 1, math.min(#names, limit) do
        local room = load_one(prefix .. 'room:{' .. names[i] .. '}', '')
        local settings = read_settings(room.settings)
        local members = call('HLEN', room.key) - (room.settings == '' and 2 or 3)
        entries[i] = text(names[i]) ..
            pack('<I4BI8', math.max(members, 0), settings.locked, settings.version)
    end
    return listing(#names > limit, entries)
end

local function workers()
    local now, entries, cards = now_ms(), {}, {}
    local got = call('HGETALL', prefix .. 'cards')
    for i = 1, #got, 2 do
        cards[got[i]] = got[i + 1]
    end
    got = call('ZRANGE', prefix .. 'workers', 0, -1, 'WITHSCORES')
    for i = 1, #got, 2 do
        local fresh = tonumber(got[i + 1]) > now and '\1' or '\0'
        entries[#entries + 1] = unhex(got[i]) .. fresh .. text(cards[got[i]] or '')
    end
    return listing(false, entries)
end

-- ---- settings

-- Numbers of a byte each hold flags.
local function is_on(flags, flag)
    return flags % (2 * flag) >= flag
end

local function unpack_change()
    if #data < 19 then
        return nil
    end
    local change, len, at = {}
    change.conditions, change.fields, change.locked, change.peers_max, change.empty_ttl, len, at =
        unpack_bytes('<BBBI4I8I4', data)
    change.metadata = data:sub(at)
    if #change.metadata ~= len or len > CONTROL_METADATA_MAX or change.locked > 1 or
        change.conditions > 7 or change.fields > 15 or change.peers_max > CONTROL_PEERS_MAX or
        change.empty_ttl > TIME_MAX then
        return nil
    end
    return change
end

local function objection(room, change, has_version)
    if not room.version and is_on(change.conditions, CONTROL_IF_ANY) then
        return CONTROL_NO_ROOM
    elseif room.version and is_on(change.conditions, CONTROL_IF_NONE) then
        return CONTROL_CONFLICT
    elseif is_on(change.conditions, CONTROL_IF_VERSION) and
        (not room.version or has_version ~= version) then
        return CONTROL_CONFLICT
    elseif not room.version and rooms_max > 0 and call('ZCARD', prefix .. 'rooms') >= rooms_max then
        return CONTROL_FULL
    end
end

local function merge(settings, change)
    local fields = {
        [CONTROL_LOCKED] = 'locked',
        [CONTROL_MAX_PEERS] = 'peers_max',
        [CONTROL_EMPTY_TTL] = 'empty_ttl',
        [CONTROL_METADATA] = 'metadata',
    }
    for flag, name in pairs(fields) do
        if is_on(change.fields, flag) then
            settings[name] = change[name]
        end
    end
end

local function change_room()
    local change = KEYS[1] and unpack_change()
    if not change then
        return answer(CONTROL_INVALID)
    end
    local room = load_one(KEYS[1], '')
    local settings = read_settings(room.settings)
    local error = objection(room, change, settings.version)
    if error then
        return answer(error, settings.version)
    end
    local outcome = room.version and CONTROL_DONE or CONTROL_CREATED
    if not room.version then
        start(room)
        save(room)
    end
    merge(settings, change)
    change_settings(room, settings)
    keep(room, CONTROL_UNENTERED_TTL)
    return answer(outcome, settings.version, room.settings)
end

-- ---- out with them

local function close_room()
    local room, peers = load_all(KEYS[1])
    if not room.version then
        return answer(CONTROL_NO_ROOM)
    end
    for _, entry in ipairs(peers) do
        local member = unpack_member(entry.bytes)
        remember_ended(room, member, LEAVE_ROOM_CLOSED)
        tell(room, room.version + 1, PEER_LEFT, entry.name, LEAVE_ROOM_CLOSED)
        if is_orphan(member) then
            adopt(room, entry.name)
        end
        drop_mail(room, entry.name, member)
    end
    room.version = room.version + 1
    for at = 1, #room.hosts, 12 do
        local worker = room.hosts:sub(at, at + 7)
        post(worker, frame(CLOSED, NOBODY, worker, pack('<I8', room.version) .. text(room.name)))
        call('SREM', prefix .. 'rooms:' .. hex(worker), room.name)
    end
    drop_room(room, LEAVE_ROOM_CLOSED)
    return reached(CONTROL_DONE, #peers)
end

-- Those that still run, but for this peer's. False: too many.
local function ban(room, ms)
    local settings, now = read_settings(room.settings), now_ms()
    local bans = {}
    for _, other in ipairs(settings.bans) do
        if other.ends > now and other.peer ~= peer then
            bans[#bans + 1] = other
        end
    end
    if #bans >= CONTROL_BANS_MAX then
        return false
    end
    bans[#bans + 1] = {ends = now + ms, peer = peer}
    settings.bans = bans
    change_settings(room, settings)
    return true
end

local function kick()
    local ms = #data == 8 and unpack_bytes('<I8', data)
    if peer == '' or not ms or ms > TIME_MAX then
        return answer(CONTROL_INVALID)
    elseif not KEYS[1] then
        return answer(CONTROL_NO_ROOM)
    end
    local room, member = load_one(KEYS[1], peer)
    if not room.version then
        return answer(CONTROL_NO_ROOM)
    elseif not member and ms == 0 then
        return answer(CONTROL_NO_PEER)
    elseif ms > 0 and not ban(room, ms) then
        return answer(CONTROL_FULL)
    end
    if member then
        remember_ended(room, member, LEAVE_KICKED)
        expel(room, peer, member, LEAVE_KICKED)
    end
    keep(room, 0)
    return reached(CONTROL_DONE, member and 1 or 0, read_settings(room.settings).version)
end

-- ---- notices, which are not sent twice

local told = tonumber(call('HGET', prefix .. 'told', me)) or 0

local function post_notice(room, worker)
    if number > told then
        post(worker, frame(NOTICE, NOBODY, worker, text(room.name) .. text(peer) .. text(data)))
    end
end

local function notice_one(room, member)
    local is_here = not has(member, AWAY)
    if is_here then
        post_notice(room, member.worker)
    end
    return reached(CONTROL_DONE, is_here and 1 or 0)
end

local function notice_all(room, peers)
    local count = 0
    for _, entry in ipairs(peers) do
        if not has(unpack_member(entry.bytes), AWAY) then
            count = count + 1
        end
    end
    for at = 1, #room.hosts, 12 do
        post_notice(room, room.hosts:sub(at, at + 7))
    end
    return reached(CONTROL_DONE, count)
end

local function notice()
    if data == '' or #data > CONTROL_NOTICE_MAX then
        return answer(CONTROL_INVALID)
    elseif not KEYS[1] then
        return answer(CONTROL_NO_ROOM)
    end
    local room, member = load_one(KEYS[1], peer)
    if not room.version then
        return answer(CONTROL_NO_ROOM)
    elseif peer ~= '' and not member then
        return answer(CONTROL_NO_PEER)
    end
    local done = member and notice_one(room, member) or notice_all(load_all(KEYS[1]))
    call('HSET', prefix .. 'told', me, math.max(number, told))
    return done
end

-- ----

local function needs_room(does)
    return function()
        return KEYS[1] and does() or answer(CONTROL_NO_ROOM)
    end
end

local ops = {
    [CONTROL_DESCRIBE] = needs_room(describe),
    [CONTROL_LIST] = list,
    [CONTROL_SET] = change_room,
    [CONTROL_CLOSE] = needs_room(close_room),
    [CONTROL_KICK] = kick,
    [CONTROL_NOTICE] = notice,
    [CONTROL_WORKERS] = workers,
}
local reply = ops[op] and ops[op]() or answer(CONTROL_INVALID)
send_outbox()
return table.concat(happened) .. reply
