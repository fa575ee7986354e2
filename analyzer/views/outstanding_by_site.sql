-- Call sites by the bytes that were not freed when the trace ended, most first.
-- blocks are all that were acquired there; of a kept recording (record --keep) those of its window, while live_blocks counts what it carries too.
-- uncertain_blocks of live_blocks may have been freed unseen, as calls were lost, or recording was stopped, after they were acquired.
-- oldest_ns and newest_ns are the ages of the oldest and the newest of those blocks: one acquired once and kept, or ever more of them.
-- Of a sample (record --sample) live_* and blocks are those of the sample; estimated_live_* is what they come to of all that the program acquired, with its
-- standard error, and so is the order. Where all was recorded both are the same, and the errors 0.
SELECT s.function, s.file, s.line, s.live_blocks, s.live_bytes, s.blocks,
       a.oldest_ns, a.newest_ns, s.uncertain_blocks,
       s.estimated_live_blocks, s.estimated_live_blocks_error, s.estimated_live_bytes, s.estimated_live_bytes_error,
       s.text, s.host AS host, s.process AS process, s.site
FROM sites s
JOIN (
    SELECT host, process, site, max(lifetime_ns) AS oldest_ns, min(lifetime_ns) AS newest_ns
    FROM allocations
    WHERE end_kind = 'alive_at_end'
    GROUP BY host, process, site
) AS a ON a.host = s.host AND a.process = s.process AND a.site = s.site
WHERE s.live_blocks > 0
ORDER BY coalesce(s.estimated_live_bytes, CAST(s.live_bytes AS DOUBLE)) DESC, s.live_bytes DESC, s.live_blocks DESC, s.host, s.process, s.site
