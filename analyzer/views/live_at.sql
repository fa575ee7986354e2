-- Call sites by what they had live at a moment, most first.
-- :t time = none: The moment, since the start of the recording; none is that of the most live bytes, of each process image its own.
-- :min_bytes bytes = 0: Sites with fewer are left out.
-- Of a kept recording (record --keep) a moment before its window stands for the window's beginning: only what outlived it is known of earlier ones.
-- Datasets before version 5 do not tell the block that reached the most: there it is what was live at that time.
SELECT s.function, s.file, s.line, l.blocks AS blocks, l.bytes AS bytes, l.oldest_ns, l.at_ns, s.text, s.host AS host, s.process AS process, s.site
FROM sites s
JOIN (
    SELECT a.host AS host, a.process AS process, a.site AS site, count(*) AS blocks, sum(a.size) AS bytes,
           greatest(max(p.at_ns - a.alloc_ns), 0) AS oldest_ns, max(p.at_ns) AS at_ns
    FROM allocations a
    JOIN (
        SELECT host, process, peak_live_object, CASE WHEN /*:t*/-1 < 0 THEN peak_live_ns
                                                       WHEN /*:t*/-1 < window_from_ns THEN window_from_ns ELSE /*:t*/-1 END AS at_ns
        FROM process
    ) AS p ON p.host = a.host AND p.process = a.process
    WHERE CASE WHEN /*:t*/-1 < 0 AND p.peak_live_object IS NOT NULL
               THEN a.object <= p.peak_live_object AND a.object + a.lifetime_allocations >= p.peak_live_object
               ELSE a.alloc_ns <= p.at_ns AND (a.end_ns > p.at_ns OR a.end_kind = 'alive_at_end') END
    GROUP BY a.host, a.process, a.site
) AS l ON l.host = s.host AND l.process = s.process AND l.site = s.site
WHERE l.bytes >= /*:min_bytes*/0
ORDER BY l.bytes DESC, l.blocks DESC, s.host, s.process, s.site
