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

local function announce_moved(room, peer, member)
    announce(room, MOVED, me .. member.stint, peer, '', me)
end

local function forget_and_announce(room, peer, member, reason)
    if is_orphan(member) then
        adopt(room, peer)
    end
    drop_mail(room, peer, member)
    call('HDEL', room.key, 'm:' .. peer)
    announce(room, LEFT, pack('<I4', reason), peer, '', nil)
    tell(room, room.version, PEER_LEFT, peer, reason)
end

-- An empty room stays. Who holds the member is told too, who does not know.
local function expel(room, peer, member, reason)
    forget_and_announce(room, peer, member, reason)
    host_leave(room, member.worker)
end

local function is_vacant(room)
    return call('HLEN', room.key) <= (room.settings == '' and 2 or 3) -- v, h, s
end

-- A room in which nobody is goes, or stays until its settings say so, but at least so many ms; else
-- it is saved.
local function keep(room, least)
    if not is_vacant(room) then
        save(room)
    elseif room.settings == '' then
        drop_room(room, LEAVE_LEFT)
    else
        local now = now_ms()
        local due = stays_until(read_settings(room.settings), now, least)
        if due > now then
            save(room)
            call('ZADD', prefix .. 'vacant', due, room.name)
        else
            drop_room(room, LEAVE_LEFT)
        end
    end
end

-- The room goes with its last member; else it is saved.
local function remove(room, peer, member, reason)
    host_leave(room, member.worker)
    forget_and_announce(room, peer, member, reason)
    keep(room, 0)
end

-- Somebody is in it.
local function occupy(room)
    if room.settings ~= '' then
        call('ZREM', prefix .. 'vacant', room.name)
    end
end

-- ---- memberships that an administrator ended, by their secrets, for a while: a worker that was cut
-- off meanwhile would bring them back, and a client that was away would join anew

local function ended_key(room, secret)
    return prefix .. 'ended:{' .. room.name .. '}:' .. secret
end

local function remember_ended(room, member, reason)
    for _, secret in ipairs({member.secret, member.previous}) do
        if secret ~= NO_SECRET then
            call('SET', ended_key(room, secret), reason, 'PX', ENDED_KEPT)
        end
    end
end

-- Why a membership that one of the two proves was ended; nil: it was not.
local function find_ended(room, secret, proof)
    local got = call('MGET', ended_key(room, secret), ended_key(room, proof))
    return tonumber(got[1] or got[2] or nil)
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
    return member.worker .. member.stint .. (has(member, AWAY) and '\1' or '\0') .. text(peer) .. text(member.info)
end
