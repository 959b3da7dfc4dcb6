#!lua
-- FRAME_DEPOSIT: a worker is about to end and leaves what it holds for a peer. From then on the
-- mailbox answers as the holder.
local peer, secret = ARGV[3], ARGV[4]
local received, acked = tonumber(ARGV[5]), tonumber(ARGV[6])
local window = tonumber(ARGV[7]) -- ms
local first = 8                  -- ARGV[first] and on: the messages, in order

local room, member = load_fenced(KEYS[1], peer, secret)
if not member then
    return ''
end
drop_mail(room, peer, member)
local mail = {
    key = mail_key(room, peer),
    received = received,
    acked = acked,
    count = #ARGV - first + 1,
    bytes = 0,
    waiting = 0,
    claim = 0,
    error = 0,
    claimant = NOBODY,
}
for i = first, #ARGV do
    mail.bytes = mail.bytes + #ARGV[i]
end
call('RPUSH', mail.key, pack_head(mail))
for i = first, #ARGV do
    call('RPUSH', mail.key, 'M' .. ARGV[i])
end
call('PEXPIRE', mail.key, window + MAIL_EXTRA)
set(member, MAIL, true)
orphan(room, peer, member, MAILBOX, window)
save(room)
send_outbox()
return ''
