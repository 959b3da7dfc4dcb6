-- What every script begins with, behind the constants that redis_scripts.c puts in front.
--
-- Keys, each behind the prefix:
--   room:{<room>}         HASH  v  version of the room
--                               h  its hosts: worker (8 bytes), number of members there (u32), ...
--                               s  its settings, see settings.lua; not there: nobody set any
--                               m:<peer>  one member, see unpack_member()
--   rooms                 ZSET  all rooms, score 0
--   vacant                ZSET  room in which nobody is -> when it goes, ms
--   rooms:<worker>        SET   rooms with members on that worker
--   workers               ZSET  worker -> end of its lease, ms; 0: condemned, being reaped; with a
--                               fraction: it has members but has not beaten since it was reaped
--   orphans               ZSET  room \0 peer -> when a membership that no worker holds ends, ms
--   mail:{<room>}:<peer>  LIST  the mailbox of a peer whose worker was drained, see mail.lua
--   ended:{<room>}:<secret>     why an administrator ended that membership (number); goes by itself
--   ticket:<ticket>       that was used; goes by itself
--   cards                 HASH  worker (hex) -> what it says of its instance, JSON
--   told                  HASH  worker -> number of its last ask that must not be done twice
--   seen, recovering      when anybody beat last; Redis stood still not long ago, reap nobody
--
-- A worker is 8 bytes, little endian, as in frames; in names of keys it is 16 hex digits. It is below
-- 2^53, so a number of Lua holds it.
-- What has no answer, or was done before, returns nothing; answers are encoded frames (frame.h).
local NOBODY, MAILBOX = string.rep('\0', 8), '\1' .. string.rep('\0', 7)
local NO_SECRET = string.rep('\0', 16)
local NO_VERSION = string.rep('\0', 8)
local NO_STINT = string.rep('\0', 3) -- of a frame: for whoever holds the membership

-- Flags of a member.
local AWAY, TAKEN_OVER, MAIL, UNHEARD, OPENED = 1, 2, 4, 8, 16

local call, pack, unpack_bytes = redis.call, struct.pack, struct.unpack
local prefix, me = ARGV[1], ARGV[2]

local function hex(worker)
    return ('%016x'):format((unpack_bytes('<I8', worker)))
end

local function unhex(digits)
    return pack('<I8', tonumber(digits, 16))
end

-- It stands still while a script runs.
local clock
local function now_ms()
    local time = clock or call('TIME')
    clock = time
    return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- ---- frames

local function text(bytes)
    return pack('<I4', #bytes) .. bytes
end

local function frame(kind, from, to, fields)
    return pack('<I4B', 17 + #fields, kind) .. from .. to .. fields
end

-- Events wait here, so that each inbox gets one message of all that a script does.
local outbox = {}

local function post(worker, bytes)
    local box = outbox[worker]
    if box then
        box[#box + 1] = bytes
    else
        outbox[worker] = {'E', bytes}
    end
end

local function publish(worker, bytes)
    return call('PUBLISH', prefix .. 'inbox:' .. hex(worker), bytes)
end

local function send_outbox()
    for worker, box in pairs(outbox) do
        publish(worker, table.concat(box))
    end
    outbox = {}
end
