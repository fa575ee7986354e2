-- Call sites by what they had live at the moment when the process image had most, most first: what the peak is made of.
-- Datasets before version 5 do not tell the block that reached it: there it is what was live at that time.
SELECT s.function, s.file, s.line, l.peak_blocks, l.peak_bytes,
       s.peak_live_bytes AS own_peak_bytes, s.text, s.host AS host, s.process AS process, s.site
FROM sites s
JOIN (
    SELECT a.host AS host, a.process AS process, a.site AS site, count(*) AS peak_blocks, sum(a.size) AS peak_bytes
    FROM allocations a
    JOIN process p ON p.host = a.host AND p.process = a.process
    WHERE CASE WHEN p.peak_live_object IS NOT NULL THEN a.object <= p.peak_live_object AND a.object + a.lifetime_allocations >= p.peak_live_object
               ELSE a.alloc_ns <= p.peak_live_ns AND (a.end_ns > p.peak_live_ns OR a.end_kind = 'alive_at_end') END
    GROUP BY a.host, a.process, a.site
) AS l ON l.host = s.host AND l.process = s.process AND l.site = s.site
ORDER BY l.peak_bytes DESC, l.peak_blocks DESC, s.host, s.process, s.site
