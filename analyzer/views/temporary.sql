-- Call sites by their short-lived blocks, most first: freed or reallocated before the whole process had acquired n others.
-- :n count = 1: Fewer acquisitions than this lie between the block's own and its end.
-- share is the part of the site's blocks. temporary_by_site asks the same of the block's own thread.
-- Blocks that were acquired before the window of a kept recording (record --keep) are left out, and are not in the share's whole.
SELECT s.function, s.file, s.line, l.temporary_blocks AS temporary_blocks, l.temporary_bytes, s.blocks,
       CAST(l.temporary_blocks AS DOUBLE) / CAST(s.blocks AS DOUBLE) AS share, s.text, s.host AS host, s.process AS process, s.site
FROM sites s
JOIN (
    SELECT host, process, site, count(*) AS temporary_blocks, sum(size) AS temporary_bytes
    FROM allocations
    WHERE lifetime_allocations < /*:n*/1 AND CASE WHEN carried THEN 0 ELSE 1 END = 1 AND (end_kind = 'freed' OR end_kind = 'reallocated')
    GROUP BY host, process, site
) AS l ON l.host = s.host AND l.process = s.process AND l.site = s.site
ORDER BY l.temporary_blocks DESC, s.host, s.process, s.site
