-- Lines of source code by the bytes that were not freed when the trace ended, most first: a site is a function, of which several lines may acquire.
-- The line is that of the lowest function which is not of the C library or a language's own, as sites and stacks have it.
SELECT s.function, s.file, s.line, count(*) AS live_blocks, sum(a.size) AS live_bytes,
       max(a.lifetime_ns) AS oldest_ns, min(a.lifetime_ns) AS newest_ns, count(DISTINCT s.stack) AS stacks,
       s.host AS host, s.process AS process, s.site AS site
FROM allocations a
JOIN stacks s ON s.host = a.host AND s.process = a.process AND s.stack = a.alloc_stack
WHERE a.end_kind = 'alive_at_end'
GROUP BY s.host, s.process, s.site, s.function, s.file, s.line
ORDER BY live_bytes DESC, live_blocks DESC, host, process, s.file, s.line, s.site
