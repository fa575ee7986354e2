-- Process images by the most bytes that they had live at a time: when, in how many blocks, and how much of it was there at the end.
-- The view live_at tells what it is made of.
-- Datasets before version 5 do not tell the block that reached it: there it is what was live at that time.
SELECT p.host AS host, p.process AS process, p.executable, p.peak_live_bytes AS peak_bytes, p.peak_live_ns AS peak_ns,
       l.blocks AS peak_blocks, l.largest AS largest_block, l.threads AS threads, l.kept_bytes AS kept_to_end_bytes, p.duration_ns
FROM process p
JOIN (
    SELECT a.host AS host, a.process AS process, count(*) AS blocks, max(a.size) AS largest, count(DISTINCT a.alloc_thread) AS threads,
           sum(CASE WHEN a.end_kind = 'alive_at_end' THEN a.size ELSE 0 END) AS kept_bytes
    FROM allocations a
    JOIN process q ON q.host = a.host AND q.process = a.process
    WHERE CASE WHEN q.peak_live_object IS NOT NULL THEN a.object <= q.peak_live_object AND a.object + a.lifetime_allocations >= q.peak_live_object
               ELSE a.alloc_ns <= q.peak_live_ns AND (a.end_ns > q.peak_live_ns OR a.end_kind = 'alive_at_end') END
    GROUP BY a.host, a.process
) AS l ON l.host = p.host AND l.process = p.process
ORDER BY peak_bytes DESC, host, process
