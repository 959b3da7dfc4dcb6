-- ---- leases

-- Where nobody has beaten for long, Redis stood still, and leases ended that nobody could renew:
-- the living get the time to do so. Returns the time, ms.
local function notice_standstill()
    local now, seen = now_ms(), tonumber(call('GET', prefix .. 'seen')) or 0
    if now - seen > STANDSTILL then
        call('SET', prefix .. 'recovering', now + RECOVERY, 'PX', RECOVERY)
    end
    call('SET', prefix .. 'seen', now, 'PX', SEEN_KEPT)
    return now
end

-- Its lease counts as over.
local function condemn(worker)
    call('ZADD', prefix .. 'workers', 'XX', 0, hex(worker))
end

local function bury(name)
    local workers, worker = prefix .. 'workers', unhex(name)
    call('ZREM', workers, name)
    call('HDEL', prefix .. 'cards', name)
    call('HDEL', prefix .. 'told', worker)
    for _, living in ipairs(call('ZRANGEBYSCORE', workers, '(0', '+inf')) do
        local to = unhex(living)
        post(to, frame(WORKER_DOWN, NOBODY, to, worker))
    end
end
