-- Did the release get worse: the sites of two runs in one dataset side by side, the most new bytes at the peak first.
--     allocreplay analyze old.alloctrace -o both.parquet && allocreplay analyze new.alloctrace -o both.parquet --force
--     allocreplay query both.parquet "$(cat did-the-release-get-worse.sql)"
-- The run that began first is the old one. A site has the same number in both, as it is made of the names of its functions. peak_more is of each
-- site's own peak; sites have theirs at different times. A site that one run does not have is NULL there, and counts as 0.
WITH runs AS (
    SELECT host, process, row_number() OVER (ORDER BY started_epoch_ns, host, process) AS run
    FROM process
), old_sites AS (
    SELECT s.* FROM sites s JOIN runs r ON r.host = s.host AND r.process = s.process WHERE r.run = 1
), new_sites AS (
    SELECT s.* FROM sites s JOIN runs r ON r.host = s.host AND r.process = s.process WHERE r.run = 2
)
SELECT coalesce(n.function, o.function) AS function,
       coalesce(n.peak_live_bytes, 0) - coalesce(o.peak_live_bytes, 0) AS peak_more,
       coalesce(n.live_bytes, 0) - coalesce(o.live_bytes, 0) AS live_more,
       coalesce(n.blocks, 0) - coalesce(o.blocks, 0) AS blocks_more,
       coalesce(n.temporary_blocks, 0) - coalesce(o.temporary_blocks, 0) AS temporary_more,
       o.peak_live_bytes AS old_peak, n.peak_live_bytes AS new_peak, o.blocks AS old_blocks, n.blocks AS new_blocks,
       coalesce(n.text, o.text) AS text, coalesce(n.site, o.site) AS site
FROM old_sites o
FULL JOIN new_sites n ON n.site = o.site
WHERE coalesce(n.blocks, 0) > 0 OR coalesce(o.blocks, 0) > 0
ORDER BY peak_more DESC, blocks_more DESC, site;
