#!lua flags=allow-oom
-- Takes out a bounded part of what is over: memberships that nobody resumed, rooms of one dead
-- worker. Answers how long to wait (ms) until there is something to do again, 0: there is more; and
-- what happened.
local window = tonumber(ARGV[3]) -- ms

local now = notice_standstill()
local workers, orphans, vacant = prefix .. 'workers', prefix .. 'orphans', prefix .. 'vacant'

local function end_orphans()
    for _, name in ipairs(call('ZRANGEBYSCORE', orphans, '-inf', now, 'LIMIT', 0, ORPHANS_AT_ONCE)) do
        local at = name:find('\0', 1, true)
        local key, peer = prefix .. 'room:{' .. name:sub(1, at - 1) .. '}', name:sub(at + 1)
        local room, member = load_one(key, peer)
        if member and is_orphan(member) then
            remove(room, peer, member, LEAVE_TIMEOUT)
        else
            call('ZREM', orphans, name)
        end
    end
end

local function end_vacant()
    for _, name in ipairs(call('ZRANGEBYSCORE', vacant, '-inf', now, 'LIMIT', 0, VACANT_AT_ONCE)) do
        local room = load_one(prefix .. 'room:{' .. name .. '}', '')
        if room.version and is_vacant(room) then
            drop_room(room, LEAVE_LEFT)
        else
            call('ZREM', vacant, name)
        end
    end
end

local function reap_room(name, dead)
    local room, peers = load_all(prefix .. 'room:{' .. name .. '}')
    for _, peer in ipairs(peers) do
        local member = unpack_member(peer.bytes)
        if member.worker == dead then
            orphan(room, peer.name, member, NOBODY, window)
        end
    end
    if room.version then
        save(room)
    end
end

-- One whose lease is over, the condemned first; not the asker, which beats right before this.
local function find_dead()
    local due = call('GET', prefix .. 'recovering') and 0 or now
    for _, name in ipairs(call('ZRANGEBYSCORE', workers, 0, due, 'LIMIT', 0, 2)) do
        if name ~= hex(me) then
            return name
        end
    end
end

local function reap(name)
    local rooms = prefix .. 'rooms:' .. name
    condemn(unhex(name))
    for _, room in ipairs(call('SPOP', rooms, ROOMS_AT_ONCE)) do
        reap_room(room, unhex(name))
    end
    if call('EXISTS', rooms) == 0 then
        bury(name)
    end
end

-- The least score in a ZSET, or later than that.
local function first_of(key, but)
    local got = call('ZRANGE', key, 0, 1, 'WITHSCORES')
    local at = got[1] == but and 4 or 2
    return tonumber(got[at]) or now + SWEEP_MAX
end

local function wait_for_next()
    local lease_ends = first_of(workers, hex(me))
    if lease_ends > 0 then
        lease_ends = math.max(lease_ends, tonumber(call('GET', prefix .. 'recovering')) or 0)
    end
    local due = math.min(first_of(orphans), first_of(vacant), lease_ends, now + SWEEP_MAX)
    return math.max(math.ceil(due - now), 0)
end

end_orphans()
end_vacant()
local dead = find_dead()
if dead then
    reap(dead)
end
send_outbox()
return {wait_for_next(), table.concat(happened)}
