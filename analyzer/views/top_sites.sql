-- Call sites by the bytes that they acquired, most first; ORDER BY blocks or temporary_blocks shows the others.
-- share is the part of all bytes that the process image acquired. live_* is what was not freed when the trace ended.
-- Of a kept recording (record --keep) blocks and bytes are those of its window, and what is live is all.
-- Of a sample (record --sample) blocks, bytes and live_* are those of the sample; estimated_* is what they come to of all that the program acquired, with its
-- standard error, and so are order and share. Where all was recorded both are the same, and the errors 0.
SELECT s.function, s.file, s.line, s.blocks, s.bytes,
       CASE WHEN coalesce(p.estimated_bytes, CAST(p.bytes_acquired AS DOUBLE)) > 0
            THEN coalesce(s.estimated_bytes, CAST(s.bytes AS DOUBLE)) / coalesce(p.estimated_bytes, CAST(p.bytes_acquired AS DOUBLE)) ELSE 0 END AS share,
       s.temporary_blocks, s.peak_live_bytes, s.live_blocks, s.live_bytes,
       s.estimated_blocks, s.estimated_blocks_error, s.estimated_bytes, s.estimated_bytes_error,
       s.text, s.host AS host, s.process AS process, s.site
FROM sites s
JOIN process p ON p.host = s.host AND p.process = s.process
WHERE s.blocks > 0 OR s.live_blocks > 0
ORDER BY coalesce(s.estimated_bytes, CAST(s.bytes AS DOUBLE)) DESC, s.bytes DESC, s.blocks DESC, s.host, s.process, s.site
