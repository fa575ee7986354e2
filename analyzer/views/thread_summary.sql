-- Threads by the bytes that they acquired, most first, and what became of those: freed, live at the end, taken over by others.
-- Of a kept recording (record --keep) blocks and bytes are those of its window, and what is live is all.
SELECT t.host AS host, t.process AS process, t.thread, t.name, t.calls, a.blocks, a.bytes, a.live_blocks, a.live_bytes,
       a.temporary_blocks, a.freed_by_others, t.start_ns, t.end_ns, t.exited
FROM threads t
JOIN (
    SELECT host, process, alloc_thread, sum(CASE WHEN carried THEN 0 ELSE 1 END) AS blocks, sum(CASE WHEN carried THEN 0 ELSE size END) AS bytes,
           sum(CASE WHEN end_kind = 'alive_at_end' THEN 1 ELSE 0 END) AS live_blocks,
           sum(CASE WHEN end_kind = 'alive_at_end' THEN size ELSE 0 END) AS live_bytes,
           sum(CASE WHEN is_temporary THEN 1 ELSE 0 END) AS temporary_blocks,
           sum(CASE WHEN free_thread >= 0 AND free_thread <> alloc_thread THEN 1 ELSE 0 END) AS freed_by_others
    FROM allocations
    GROUP BY host, process, alloc_thread
) AS a ON a.host = t.host AND a.process = t.process AND a.alloc_thread = t.thread
ORDER BY a.bytes DESC, t.host, t.process, t.thread
