-- Call sites that look like leaks: their blocks are kept longer than the site's other blocks explain, again and again, or grow.
-- The last tenth of the time is left out: programs give back there what they held. All figures are of the moment before it, cut, but live_at_end.
-- Of a block that was live at cut the lifetime is not known, only its age; it is never taken for a lifetime. overdue is a block whose age was more
-- than twice longest_ns, the longest lifetime at the site that had ended by then, 0 where none had. A site is listed as 'overdue' when such blocks
-- came in 3 or more of the nine tenths (overdue_tenths), one of them in the second half: not what is set up once and kept. It is listed as 'growing'
-- when its live bytes rose in 7 or 8 of the 8 steps between the tenths (steps_up), and by a quarter in all. A cache that is still filling looks the
-- same in a trace: record for longer. Blocks of which the release was lost (lost_free) are left out.
WITH spans AS (
    SELECT host, process, min(alloc_ns) AS from_ns, CAST(greatest(max(end_ns) - min(alloc_ns), 10) AS DOUBLE) / 10 AS step_ns
    FROM allocations
    GROUP BY host, process
), blocks AS (
    SELECT a.host AS host, a.process AS process, a.site AS site, a.size AS size,
           a.lifetime_ns AS lifetime_ns, p.from_ns + 9 * p.step_ns - a.alloc_ns AS age_ns,
           ceil((a.alloc_ns - p.from_ns) / p.step_ns) AS first_k,
           CASE WHEN a.end_kind = 'alive_at_end' THEN 10 ELSE ceil((a.end_ns - p.from_ns) / p.step_ns) - 1 END AS last_k
    FROM allocations a
    JOIN spans p ON p.host = a.host AND p.process = a.process
    WHERE a.end_kind <> 'lost_free' AND a.site <> 0
), ended AS (
    SELECT host, process, site, max(CASE WHEN last_k < 9 THEN lifetime_ns ELSE 0 END) AS longest_ns
    FROM blocks
    GROUP BY host, process, site
), judged AS (
    SELECT b.host AS host, b.process AS process, b.site AS site, b.size AS size, b.first_k AS first_k, b.last_k AS last_k, e.longest_ns AS longest_ns,
           CASE WHEN b.first_k <= 9 AND b.last_k >= 9 THEN 1 ELSE 0 END AS is_live,
           CASE WHEN b.first_k <= 9 AND b.last_k >= 9 AND b.age_ns > 2 * e.longest_ns THEN greatest(b.first_k, 1) ELSE 0 END AS overdue_k
    FROM blocks b
    JOIN ended e ON e.host = b.host AND e.process = b.process AND e.site = b.site
), held AS (
    SELECT host, process, site, max(longest_ns) AS longest_ended_ns,
           sum(is_live) AS live_blocks_cut,
           sum(CASE WHEN overdue_k > 0 THEN 1 ELSE 0 END) AS overdue_blocks,
           sum(CASE WHEN overdue_k > 0 THEN size ELSE 0 END) AS overdue_bytes,
           count(DISTINCT CASE WHEN overdue_k > 0 THEN overdue_k END) AS overdue_tenths,
           max(overdue_k) AS overdue_last,
           sum(CASE WHEN first_k <= 1 AND last_k >= 1 THEN size ELSE 0 END) AS live_1,
           sum(CASE WHEN first_k <= 2 AND last_k >= 2 THEN size ELSE 0 END) AS live_2,
           sum(CASE WHEN first_k <= 3 AND last_k >= 3 THEN size ELSE 0 END) AS live_3,
           sum(CASE WHEN first_k <= 4 AND last_k >= 4 THEN size ELSE 0 END) AS live_4,
           sum(CASE WHEN first_k <= 5 AND last_k >= 5 THEN size ELSE 0 END) AS live_5,
           sum(CASE WHEN first_k <= 6 AND last_k >= 6 THEN size ELSE 0 END) AS live_6,
           sum(CASE WHEN first_k <= 7 AND last_k >= 7 THEN size ELSE 0 END) AS live_7,
           sum(CASE WHEN first_k <= 8 AND last_k >= 8 THEN size ELSE 0 END) AS live_8,
           sum(CASE WHEN first_k <= 9 AND last_k >= 9 THEN size ELSE 0 END) AS live_9
    FROM judged
    GROUP BY host, process, site
), figures AS (
    SELECT host, process, site, longest_ended_ns, live_blocks_cut, overdue_blocks, overdue_bytes, overdue_tenths, overdue_last, live_1, live_9,
               CASE WHEN live_2 > live_1 THEN 1 ELSE 0 END +
               CASE WHEN live_3 > live_2 THEN 1 ELSE 0 END +
               CASE WHEN live_4 > live_3 THEN 1 ELSE 0 END +
               CASE WHEN live_5 > live_4 THEN 1 ELSE 0 END +
               CASE WHEN live_6 > live_5 THEN 1 ELSE 0 END +
               CASE WHEN live_7 > live_6 THEN 1 ELSE 0 END +
               CASE WHEN live_8 > live_7 THEN 1 ELSE 0 END +
               CASE WHEN live_9 > live_8 THEN 1 ELSE 0 END AS steps_up
    FROM held
), suspects AS (
    SELECT host, process, site, longest_ended_ns, live_blocks_cut, overdue_blocks, overdue_bytes, overdue_tenths, live_1, live_9, steps_up,
           CASE WHEN overdue_tenths >= 3 AND overdue_last >= 6 THEN 1 ELSE 0 END AS is_overdue,
           CASE WHEN steps_up >= 7 AND live_9 * 4 >= live_1 * 5 THEN 1 ELSE 0 END AS is_growing
    FROM figures
)
SELECT s.function, s.file, s.line,
       CASE WHEN c.is_overdue = 1 AND c.is_growing = 1 THEN 'overdue, growing' WHEN c.is_overdue = 1 THEN 'overdue' ELSE 'growing' END AS why,
       c.overdue_bytes, c.overdue_blocks, c.overdue_tenths, c.longest_ended_ns AS longest_ns, c.live_9 AS live_bytes, c.live_blocks_cut AS live_blocks,
       c.live_9 - c.live_1 AS growth_bytes, c.steps_up, s.live_bytes AS live_at_end, s.text, s.host AS host, s.process AS process, s.site
FROM sites s
JOIN suspects c ON c.host = s.host AND c.process = s.process AND c.site = s.site
WHERE c.is_overdue = 1 OR c.is_growing = 1
ORDER BY growth_bytes DESC, overdue_bytes DESC, host, process, s.site
