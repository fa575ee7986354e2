-- Call sites by how their live bytes grew between the first and the ninth tenth of the trace, most first.
-- live_1 to live_9 are the bytes live when so many tenths of the time were over, from the first acquisition to the end of the trace. The last
-- tenth is left out: there programs give back what they held, or end in the middle of it. steps_up: of the 8 steps between them, how many rose.
-- Of a kept recording (record --keep) the time is that of its window, and what was live when that began counts as live.
-- A block of which the release is not in the trace, though its address was taken again (lost_free), is left out: when it ended is not known.
WITH spans AS (
    SELECT host, process, from_ns, CAST(greatest(to_ns - from_ns, 10) AS DOUBLE) / 10 AS step_ns
    FROM (
        SELECT host, process, coalesce(min(CASE WHEN carried THEN NULL ELSE alloc_ns END), max(alloc_ns)) AS from_ns, max(end_ns) AS to_ns
        FROM allocations
        GROUP BY host, process
    ) AS bounds_of
), blocks AS (
    SELECT a.host AS host, a.process AS process, a.site AS site, a.size AS size,
           ceil((a.alloc_ns - p.from_ns) / p.step_ns) AS first_k,
           CASE WHEN a.end_kind = 'alive_at_end' THEN 10 ELSE ceil((a.end_ns - p.from_ns) / p.step_ns) - 1 END AS last_k
    FROM allocations a
    JOIN spans p ON p.host = a.host AND p.process = a.process
    WHERE a.end_kind <> 'lost_free' AND a.site <> 0
), held AS (
    SELECT host, process, site,
           sum(CASE WHEN first_k <= 1 AND last_k >= 1 THEN size ELSE 0 END) AS live_1,
           sum(CASE WHEN first_k <= 2 AND last_k >= 2 THEN size ELSE 0 END) AS live_2,
           sum(CASE WHEN first_k <= 3 AND last_k >= 3 THEN size ELSE 0 END) AS live_3,
           sum(CASE WHEN first_k <= 4 AND last_k >= 4 THEN size ELSE 0 END) AS live_4,
           sum(CASE WHEN first_k <= 5 AND last_k >= 5 THEN size ELSE 0 END) AS live_5,
           sum(CASE WHEN first_k <= 6 AND last_k >= 6 THEN size ELSE 0 END) AS live_6,
           sum(CASE WHEN first_k <= 7 AND last_k >= 7 THEN size ELSE 0 END) AS live_7,
           sum(CASE WHEN first_k <= 8 AND last_k >= 8 THEN size ELSE 0 END) AS live_8,
           sum(CASE WHEN first_k <= 9 AND last_k >= 9 THEN size ELSE 0 END) AS live_9
    FROM blocks
    GROUP BY host, process, site
)
SELECT s.function, s.file, s.line, h.live_9 - h.live_1 AS growth_bytes,
       (h.live_9 - h.live_1) / (p.step_ns * 8) * 1000000000 AS growth_bytes_per_s, h.steps_up,
       h.live_1, h.live_2, h.live_3, h.live_4, h.live_5, h.live_6, h.live_7, h.live_8, h.live_9,
       s.live_bytes AS live_at_end, s.text, s.host AS host, s.process AS process, s.site AS site
FROM sites s
JOIN (
    SELECT host, process, site, live_1, live_2, live_3, live_4, live_5, live_6, live_7, live_8, live_9,
               CASE WHEN live_2 > live_1 THEN 1 ELSE 0 END +
               CASE WHEN live_3 > live_2 THEN 1 ELSE 0 END +
               CASE WHEN live_4 > live_3 THEN 1 ELSE 0 END +
               CASE WHEN live_5 > live_4 THEN 1 ELSE 0 END +
               CASE WHEN live_6 > live_5 THEN 1 ELSE 0 END +
               CASE WHEN live_7 > live_6 THEN 1 ELSE 0 END +
               CASE WHEN live_8 > live_7 THEN 1 ELSE 0 END +
               CASE WHEN live_9 > live_8 THEN 1 ELSE 0 END AS steps_up
    FROM held
) AS h ON h.host = s.host AND h.process = s.process AND h.site = s.site
JOIN spans p ON p.host = s.host AND p.process = s.process
WHERE h.live_9 > h.live_1
ORDER BY growth_bytes DESC, host, process, s.site
