-- Blocks and bytes by size class: class_bytes is the power of two that the requested size reaches; 0 is a class of its own.
-- live_blocks and live_bytes are what was not freed when the trace ended. Of a kept recording (record --keep) blocks and bytes are those of its window, and
-- what is live is all.
-- Sizes are few, so they are counted first and classified after. A logarithm may miss a power of two by a rounding error in
-- some engines, so its result is put right by comparison with the exact powers, as whole numbers. The last class is 2^62 and all above.
SELECT host, process, class_bytes,
       sum(n) AS blocks, sum(total) AS bytes, sum(live_n) AS live_blocks, sum(live_total) AS live_bytes
FROM (
    SELECT host, process, n, total, live_n, live_total,
           CASE WHEN size = 0 THEN CAST(0 AS BIGINT)
                WHEN CAST(power(2, guess) AS BIGINT) > bounded_size THEN CAST(power(2, guess - 1) AS BIGINT)
                WHEN CAST(power(2, guess + 1) AS BIGINT) <= bounded_size THEN CAST(power(2, guess + 1) AS BIGINT)
                ELSE CAST(power(2, guess) AS BIGINT)
           END AS class_bytes
    FROM (
        SELECT host, process, size, n, total, live_n, live_total, bounded_size,
               least(floor(log2(greatest(bounded_size, CAST(1 AS BIGINT)))), 61) AS guess
        FROM (
            SELECT host, process, size, least(size, CAST(4611686018427387904 AS BIGINT)) AS bounded_size,
                   sum(CASE WHEN carried THEN 0 ELSE 1 END) AS n, sum(CASE WHEN carried THEN 0 ELSE size END) AS total,
                   sum(CASE WHEN end_kind = 'alive_at_end' THEN 1 ELSE 0 END) AS live_n,
                   sum(CASE WHEN end_kind = 'alive_at_end' THEN size ELSE 0 END) AS live_total
            FROM allocations
            GROUP BY host, process, size
        ) AS sizes
    ) AS guesses
) AS classes
GROUP BY host, process, class_bytes
ORDER BY host, process, class_bytes
