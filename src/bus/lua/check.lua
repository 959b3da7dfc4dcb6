#!lua flags=allow-oom
-- Which commands the user may not run, or not on these keys and channels: their names, in one text. Asked
-- before anything else, for a user who lacks one would seem to work until somebody needs it.
local HARMLESS = { -- none of them makes a key
    {'DEL', 'k'}, {'EXISTS', 'k'}, {'GET', 'k'}, {'MGET', 'k'}, {'SET', 'k', '1', 'XX'},
    {'HGET', 'k', '1'}, {'HMGET', 'k', '1'}, {'HGETALL', 'k'}, {'HLEN', 'k'}, {'HDEL', 'k', '1'},
    {'SREM', 'k', '1'}, {'SPOP', 'k', '1'}, {'ZADD', 'k', 'XX', '1', '1'}, {'ZCARD', 'k'},
    {'ZREM', 'k', '1'}, {'ZSCORE', 'k', '1'}, {'ZRANGE', 'k', '0', '0'},
    {'ZRANGEBYSCORE', 'k', '0', '0'}, {'ZRANGEBYLEX', 'k', '[a', '[a'}, {'LINDEX', 'k', '0'},
    {'LRANGE', 'k', '0', '0'}, {'LSET', 'k', '0', '1'}, {'PEXPIRE', 'k', '1'},
}
local MAKERS = {{'HSET', 'k', '1', '1'}, {'SADD', 'k', '1'}, {'RPUSH', 'k', '1'}}
local key, missing = prefix .. 'check:' .. hex(me), {}

-- What else goes wrong (no such key) shows that it may be run. Redis 7.0 has words of its own, so have later ones and
-- Valkey.
local function is_refused(answer)
    local err = type(answer) == 'table' and answer.err or ''
    return (err:find("can't", 1, true) or err:find('ACL failure', 1, true) or err:find('NOPERM', 1, true)) ~= nil
end

local function try(command, ...)
    if is_refused(redis.pcall(command, ...)) then
        missing[#missing + 1] = command
    end
end

try('TIME')
try('PUBLISH', prefix .. 'inbox:' .. hex(me), '')
for _, probe in ipairs(HARMLESS) do
    try(probe[1], key, unpack(probe, 3))
end
for _, probe in ipairs(#missing == 0 and MAKERS or {}) do -- what they make can be deleted
    try(probe[1], key, unpack(probe, 3))
    call('DEL', key)
end
return table.concat(missing, ' ')
