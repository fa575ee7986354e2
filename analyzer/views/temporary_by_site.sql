-- Call sites by their temporary blocks, most first: freed or reallocated before the same thread acquired another.
-- share is the part of the site's blocks. Such a block often can be a local variable, or be kept for the next time.
SELECT function, file, line, temporary_blocks, blocks,
       CAST(temporary_blocks AS DOUBLE) / CAST(blocks AS DOUBLE) AS share, bytes, text, host, process, site
FROM sites
WHERE temporary_blocks > 0
ORDER BY temporary_blocks DESC, host, process, site
