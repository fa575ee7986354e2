-- Call sites by how their live bytes changed between two moments, most first.
-- :from time = 0s: The first moment, since the start of the recording.
-- :to time = none: The second; none is the end of the trace.
-- Of a kept recording (record --keep) a moment before its window stands for the window's beginning.
-- kept_blocks and kept_bytes were acquired after the first moment and are live at the second; given_* were live at the first and are not any more.
SELECT s.function, s.file, s.line, l.kept_bytes - l.given_bytes AS change_bytes, l.kept_blocks - l.given_blocks AS change_blocks,
       l.kept_blocks, l.kept_bytes, l.given_blocks, l.given_bytes, l.acquired_blocks, s.text, s.host AS host, s.process AS process, s.site
FROM sites s
JOIN (
    SELECT host, process, site,
           sum(CASE WHEN was_live = 0 AND is_live = 1 THEN 1 ELSE 0 END) AS kept_blocks,
           sum(CASE WHEN was_live = 0 AND is_live = 1 THEN size ELSE 0 END) AS kept_bytes,
           sum(CASE WHEN was_live = 1 AND is_live = 0 THEN 1 ELSE 0 END) AS given_blocks,
           sum(CASE WHEN was_live = 1 AND is_live = 0 THEN size ELSE 0 END) AS given_bytes,
           sum(is_within) AS acquired_blocks
    FROM (
        SELECT a.host AS host, a.process AS process, a.site AS site, a.size AS size,
               CASE WHEN a.alloc_ns <= p.from_ns AND (a.end_ns > p.from_ns OR a.end_kind = 'alive_at_end') THEN 1 ELSE 0 END AS was_live,
               CASE WHEN p.to_ns < 0 AND a.end_kind = 'alive_at_end' THEN 1
                    WHEN a.alloc_ns <= p.to_ns AND (a.end_ns > p.to_ns OR a.end_kind = 'alive_at_end') THEN 1 ELSE 0 END AS is_live,
               CASE WHEN a.alloc_ns > p.from_ns AND (p.to_ns < 0 OR a.alloc_ns <= p.to_ns) THEN 1 ELSE 0 END AS is_within
        FROM allocations a
        JOIN (
            SELECT host, process, CASE WHEN /*:from*/0 < window_from_ns THEN window_from_ns ELSE /*:from*/0 END AS from_ns,
                   CASE WHEN /*:to*/-1 >= 0 AND /*:to*/-1 < window_from_ns THEN window_from_ns ELSE /*:to*/-1 END AS to_ns
            FROM process
        ) AS p ON p.host = a.host AND p.process = a.process
    ) AS moments
    GROUP BY host, process, site
) AS l ON l.host = s.host AND l.process = s.process AND l.site = s.site
WHERE l.kept_blocks + l.given_blocks + l.acquired_blocks > 0
ORDER BY change_bytes DESC, l.kept_blocks DESC, host, process, s.site
