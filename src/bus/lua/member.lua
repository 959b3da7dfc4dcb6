-- ---- what becomes of a member

local function is_orphan(member)
    return member.worker == NOBODY or member.worker == MAILBOX
end

local function adopt(room, peer)
    call('ZREM', prefix .. 'orphans', room.name .. '\0' .. peer)
end

-- It may still be resumed, until the window (ms) is over. `keeper`: NOBODY, then its worker is dead;
-- or MAILBOX, then its worker waits to hear of it.
local function orphan(room, peer, member, keeper, window)
    local former = member.worker
    member.worker = keeper
    set(member, AWAY, true)
    put(room, peer, member)
    call('ZADD', prefix .. 'orphans', now_ms() + window, room.name .. '\0' .. peer)
    if keeper == NOBODY then
        host_leave(room, former)
    end
    announce(room, GONE_AWAY, keeper, peer, '', nil)
    if keeper ~= NOBODY then
        host_leave(room, former)
    end
end

-- It holds the membership now, and the peer is here; the worker before it still is a host until
-- host_leave(). Returns that one.
local function move(room, peer, member, worker)
    local former = member.worker
    if is_orphan(member) then
        adopt(room, peer)
    end
    member.worker = worker
    set(member, AWAY, false)
    set(member, UNHEARD, false)
    host_enter(room, worker)
    return former
end

-- An empty room stays.
local function leave(room, peer, member, reason)
    host_leave(room, member.worker)
    if is_orphan(member) then
        adopt(room, peer)
    end
    drop_mail(room, peer, member)
    call('HDEL', room.key, 'm:' .. peer)
    announce(room, LEFT, pack('<I4', reason), peer, '', nil)
end

-- The room goes with its last member; else it is saved.
local function remove(room, peer, member, reason)
    leave(room, peer, member, reason)
    if call('HLEN', room.key) <= 2 then -- v and h
        call('DEL', room.key)
        call('SREM', prefix .. 'rooms', room.name)
    else
        save(room)
    end
end

-- Only a membership's own session, on the worker that holds it, may change it.
local function load_fenced(key, peer, secret)
    local room, member = load_one(key, peer)
    if member and member.worker == me and member.secret == secret then
        return room, member
    end
end

-- ---- rosters, as roster_add() has them

local function roster_entry(peer, member)
    return member.worker .. (has(member, AWAY) and '\1' or '\0') .. text(peer) .. text(member.info)
end
