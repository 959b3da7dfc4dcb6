#!lua flags=allow-oom
-- The worker lives: its lease begins anew, and it hears of it in its inbox. Answers time (ms) and
-- whether it may have been reaped since its last beat.
local number, card = ARGV[3], ARGV[4] -- 8 bytes; what it says of its instance

local now = notice_standstill()
local workers, name = prefix .. 'workers', hex(me)
local ends = tonumber(call('ZSCORE', workers, name)) or 0
local lost = ends == 0 or ends % 1 ~= 0
call('ZADD', workers, now + LEASE, name)
call('HSET', prefix .. 'cards', name, card)
publish(me, 'B' .. number)
return {now, lost and 1 or 0}
