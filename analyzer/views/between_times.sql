-- Call sites by how their live bytes changed between two moments, most first.
-- :from time = 0s: The first moment, since the start of the recording.
-- :to time = none: The second; none is the end of the trace.
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
        SELECT host, process, site, size,
               CASE WHEN alloc_ns <= /*:from*/0 AND (end_ns > /*:from*/0 OR end_kind = 'alive_at_end') THEN 1 ELSE 0 END AS was_live,
               CASE WHEN /*:to*/-1 < 0 AND end_kind = 'alive_at_end' THEN 1
                    WHEN alloc_ns <= /*:to*/-1 AND (end_ns > /*:to*/-1 OR end_kind = 'alive_at_end') THEN 1 ELSE 0 END AS is_live,
               CASE WHEN alloc_ns > /*:from*/0 AND (/*:to*/-1 < 0 OR alloc_ns <= /*:to*/-1) THEN 1 ELSE 0 END AS is_within
        FROM allocations
    ) AS moments
    GROUP BY host, process, site
) AS l ON l.host = s.host AND l.process = s.process AND l.site = s.site
WHERE l.kept_blocks + l.given_blocks + l.acquired_blocks > 0
ORDER BY change_bytes DESC, l.kept_blocks DESC, host, process, s.site
