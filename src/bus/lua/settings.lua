-- ---- the settings of a room, as control.c packs them:
-- u64 version, bool locked, u32 peers_max, u64 empty_ttl (ms), text metadata, bans: u64 until, text peer

local function read_settings(bytes)
    if bytes == '' then
        return {version = 0, locked = 0, peers_max = 0, empty_ttl = 0, metadata = '', bans = {}}
    end
    local settings, at, len = {bans = {}}
    settings.version, settings.locked, settings.peers_max, settings.empty_ttl, len, at =
        unpack_bytes('<I8BI4I8I4', bytes)
    settings.metadata = bytes:sub(at, at + len - 1)
    at = at + len
    while at <= #bytes do
        local ban = {}
        ban.ends, len, at = unpack_bytes('<I8I4', bytes, at)
        ban.peer = bytes:sub(at, at + len - 1)
        at = at + len
        settings.bans[#settings.bans + 1] = ban
    end
    return settings
end

local function pack_settings(settings)
    local parts = {pack('<I8BI4I8', settings.version, settings.locked, settings.peers_max,
        settings.empty_ttl) .. text(settings.metadata)}
    for i, ban in ipairs(settings.bans) do
        parts[i + 1] = pack('<I8', ban.ends) .. text(ban.peer)
    end
    return table.concat(parts)
end

local function is_banned(settings, peer)
    local now
    for _, ban in ipairs(settings.bans) do
        now = now or now_ms()
        if ban.peer == peer and ban.ends > now then
            return true
        end
    end
    return false
end

-- With nobody in it, but at least so many ms. Unix ms.
local function stays_until(settings, now, least)
    local due = now + math.max(settings.empty_ttl, least)
    for _, ban in ipairs(settings.bans) do
        due = math.max(due, ban.ends)
    end
    return due
end

-- Tells all hosts.
local function announce_settings(room)
    room.version = room.version + 1
    for at = 1, #room.hosts, 12 do
        local worker = room.hosts:sub(at, at + 7)
        post(worker, frame(SETTINGS, NOBODY, worker,
            pack('<I8', room.version) .. text(room.name) .. text(room.settings)))
    end
end

local function store_settings(room, bytes)
    room.settings = bytes
    call('HSET', room.key, 's', bytes)
    announce_settings(room)
end

-- Gives them a new version, that of the event which tells of it.
local function change_settings(room, settings)
    settings.version = room.version + 1
    store_settings(room, pack_settings(settings))
end

-- As a worker knows them: taken over where they are newer.
local function restore_settings(room, bytes)
    local version = read_settings(bytes).version
    if version > read_settings(room.settings).version then
        room.version = math.max(room.version, version)
        store_settings(room, bytes)
    end
end
