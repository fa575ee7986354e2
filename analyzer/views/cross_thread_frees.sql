-- Pairs of threads of which one freed or reallocated what the other had acquired, most blocks first.
-- :min_blocks count = 1: Pairs with fewer are left out.
-- mean_lifetime_ns leaves out blocks that were acquired before the window of a kept recording (record --keep): only long ones are there.
-- Lifetimes are averaged as decimals: some engines add whole numbers up in 64 bits, which millions of blocks that live for hours exceed.
SELECT l.host AS host, l.process AS process, l.alloc_thread, a.name AS alloc_thread_name, l.free_thread, f.name AS free_thread_name,
       l.blocks, l.bytes, l.mean_lifetime_ns
FROM (
    SELECT host, process, alloc_thread, free_thread, count(*) AS blocks, sum(size) AS bytes,
           avg(CASE WHEN carried THEN NULL ELSE CAST(lifetime_ns AS DECIMAL(38, 0)) END) AS mean_lifetime_ns
    FROM allocations
    WHERE free_thread >= 0 AND free_thread <> alloc_thread
    GROUP BY host, process, alloc_thread, free_thread
) AS l
JOIN threads a ON a.host = l.host AND a.process = l.process AND a.thread = l.alloc_thread
JOIN threads f ON f.host = l.host AND f.process = l.process AND f.thread = l.free_thread
WHERE l.blocks >= /*:min_blocks*/1
ORDER BY l.blocks DESC, l.bytes DESC, host, process, l.alloc_thread, l.free_thread
