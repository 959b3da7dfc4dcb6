#!lua flags=allow-oom
-- A worker is known to be dead: sweep.lua does the rest.
condemn(ARGV[3])
return ''
