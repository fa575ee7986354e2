-- Call sites by the bytes that they acquired, most first; ORDER BY blocks or temporary_blocks shows the others.
-- share is the part of all bytes that the process image acquired. live_* is what was not freed when the trace ended.
-- Of a kept recording (record --keep) blocks and bytes are those of its window, and what is live is all.
SELECT s.function, s.file, s.line, s.blocks, s.bytes,
       CASE WHEN p.bytes_acquired > 0 THEN CAST(s.bytes AS DOUBLE) / CAST(p.bytes_acquired AS DOUBLE) ELSE 0 END AS share,
       s.temporary_blocks, s.peak_live_bytes, s.live_blocks, s.live_bytes, s.text, s.host AS host, s.process AS process, s.site
FROM sites s
JOIN process p ON p.host = s.host AND p.process = s.process
WHERE s.blocks > 0 OR s.live_blocks > 0
ORDER BY s.bytes DESC, s.blocks DESC, s.host, s.process, s.site
