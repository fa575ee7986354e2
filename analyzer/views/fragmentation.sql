-- What the process had in memory beside what was live, over time: what the allocator, and all that is not the allocator's, adds to it.
-- A row for each look at its memory (the table memory). live_bytes is of the latest moment of timeline by then, and behind the last event of what is
-- live at the end.
-- rss_bytes has programs, files, stacks and the recorder's own in it, anonymous_bytes only what is of no file. not_live_bytes is anonymous_bytes without
-- live_bytes: what the allocator keeps, its rounding and book-keeping, other allocators, stacks; less than 0 where blocks were never written to, or are in
-- swap. rss_per_live is rss_bytes / live_bytes, NULL where nothing is live.
-- Of a sample live_bytes is that of the sample.
WITH ends AS (
    SELECT p.host AS host, p.process AS process, p.duration_ns AS ns, CAST(least(coalesce(a.bytes, 0), 9223372036854775807) AS BIGINT) AS live_bytes
    FROM process p
    LEFT JOIN (
        SELECT host, process, sum(size) AS bytes
        FROM allocations
        WHERE end_kind = 'alive_at_end'
        GROUP BY host, process
    ) AS a ON a.host = p.host AND a.process = p.process
), known AS (
    SELECT host, process, ns, CAST(live_bytes AS BIGINT) AS live_bytes
    FROM timeline
    WHERE scope = 'process'
    UNION ALL
    SELECT host, process, ns, live_bytes
    FROM ends
), moments AS (
    SELECT host, process, ns, live_bytes, CAST(row_number() OVER (PARTITION BY host, process ORDER BY ns) AS BIGINT) AS k
    FROM known
), looks AS (
    SELECT host, process, ns, rss_bytes, anonymous_bytes, swap_bytes, peak_rss_bytes, is_moment,
           CAST(sum(is_moment) OVER (PARTITION BY host, process ORDER BY ns, is_moment DESC) AS BIGINT) AS k
    FROM (
        SELECT host, process, ns, 0 AS rss_bytes, 0 AS anonymous_bytes, 0 AS swap_bytes, 0 AS peak_rss_bytes, 1 AS is_moment
        FROM known
        UNION ALL
        SELECT host, process, ns, rss_bytes, anonymous_bytes, swap_bytes, peak_rss_bytes, 0 AS is_moment
        FROM memory
    ) AS both_of
)
SELECT l.host AS host, l.process AS process, l.ns AS ns, m.live_bytes AS live_bytes, l.rss_bytes AS rss_bytes, l.anonymous_bytes AS anonymous_bytes,
       l.anonymous_bytes - m.live_bytes AS not_live_bytes, l.swap_bytes AS swap_bytes, l.peak_rss_bytes AS peak_rss_bytes,
       CASE WHEN m.live_bytes > 0 THEN CAST(l.rss_bytes AS DOUBLE) / m.live_bytes ELSE NULL END AS rss_per_live
FROM looks l
JOIN moments m ON m.host = l.host AND m.process = l.process AND m.k = l.k
WHERE l.is_moment = 0
ORDER BY host, process, ns
