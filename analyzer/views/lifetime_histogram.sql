-- Blocks by the decade of their lifetime: from_ns is the power of ten that it reaches, 0 for below 100 ns.
-- blocks and bytes count the ends that were seen: freed and reallocated.
-- The others are counted apart, never averaged in: still_live_blocks had lived at least so long when the trace ended,
-- lost_free_blocks at most so long, since their address was taken again without a free in the trace.
-- carried_blocks were live already when the window of a kept recording began (record --keep), by the lifetime that they reached at the least. They are in no
-- other column: the blocks that were acquired beside them and freed before the window are gone, so that long lifetimes would look common.
SELECT host, process, from_ns,
       sum(CASE WHEN is_carried = 0 AND (end_kind = 'freed' OR end_kind = 'reallocated') THEN 1 ELSE 0 END) AS blocks,
       sum(CASE WHEN is_carried = 0 AND (end_kind = 'freed' OR end_kind = 'reallocated') THEN size ELSE 0 END) AS bytes,
       sum(CASE WHEN is_carried = 0 AND end_kind = 'alive_at_end' THEN 1 ELSE 0 END) AS still_live_blocks,
       sum(CASE WHEN is_carried = 0 AND end_kind = 'lost_free' THEN 1 ELSE 0 END) AS lost_free_blocks,
       sum(is_carried) AS carried_blocks
FROM (
    SELECT host, process, size, end_kind, CASE WHEN carried THEN 1 ELSE 0 END AS is_carried,
           CASE WHEN lifetime_ns < 100 THEN 0
                WHEN lifetime_ns < 1000 THEN 100
                WHEN lifetime_ns < 10000 THEN 1000
                WHEN lifetime_ns < 100000 THEN 10000
                WHEN lifetime_ns < 1000000 THEN 100000
                WHEN lifetime_ns < 10000000 THEN 1000000
                WHEN lifetime_ns < 100000000 THEN 10000000
                WHEN lifetime_ns < 1000000000 THEN 100000000
                WHEN lifetime_ns < 10000000000 THEN 1000000000
                WHEN lifetime_ns < 100000000000 THEN 10000000000
                WHEN lifetime_ns < 1000000000000 THEN 100000000000
                WHEN lifetime_ns < 10000000000000 THEN 1000000000000
                ELSE 10000000000000
           END AS from_ns
    FROM allocations
) AS decades
GROUP BY host, process, from_ns
ORDER BY host, process, from_ns
