#!lua flags=allow-oom
-- FRAME_READ: the roster, where its version is not the one that the worker has.
local request, version = ARGV[3], tonumber(ARGV[4]) -- 0: in any case

local function refuse(room, error)
    return frame(REFUSED, NOBODY, me, request .. pack('<i4', error) .. text(room))
end

local name = KEYS[1]:sub(#prefix + 7, -2)
local now = tonumber(call('HGET', KEYS[1], 'v'))
if not now then
    return refuse(name, PEER_NOT_FOUND)
elseif version == now then
    return ''
end
local room, peers = load_all(KEYS[1])
local entries, size = {}, 0
for i, peer in ipairs(peers) do
    entries[i] = roster_entry(peer.name, unpack_member(peer.bytes))
    size = size + #entries[i]
end
if size > ROSTER_MAX then
    return refuse(name, UNAVAILABLE)
end
return frame(ROOM, NOBODY, me,
    request .. pack('<I8', room.version) .. NOBODY .. pack('<I4', ROOM_READ) .. text(name) ..
        text(table.concat(entries)) .. text(room.settings))
