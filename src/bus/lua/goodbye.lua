#!lua flags=allow-oom
-- The end of the process. What it still has members in is left to the others.
if call('EXISTS', prefix .. 'rooms:' .. hex(me)) == 1 then
    condemn(me)
else
    bury(hex(me))
    send_outbox()
end
if call('EXISTS', prefix .. 'workers') == 0 then
    call('DEL', prefix .. 'seen', prefix .. 'recovering', prefix .. 'told')
end
return ''
