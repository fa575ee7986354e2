-- Call sites that look like leaks: their blocks are kept longer than the site's other blocks explain, again and again, or grow.
-- :min_bytes bytes = 0: Sites with fewer bytes live at the cut are left out.
-- :tolerance ratio = 0.05: How many of the blocks that grew old at a site may have been freed later all the same.
-- The last tenth of the time is left out: programs give back there what they held. All figures are of the moment before it, cut, but live_at_end.
-- Of a block that was live at cut the lifetime is not known, only its age; it is never taken for a lifetime.
-- overdue: there is an age, outlived_ns, such that of the site's blocks that reached it hardly any was freed later (ended_later, against tolerance),
-- while overdue_blocks are live and more than twice as old. The smallest of the ages span / 2^j is taken. They must have been acquired in 3 or more
-- of the nine tenths (overdue_tenths), one of them in the second half and more than a quarter of them from the fifth on: not what is set up once.
-- growing: the slope of the live bytes at the nine tenths is above 0 with 95 % confidence (growth_per_min and its interval: the median of the slopes
-- of all pairs, Theil and Sen, in bytes a minute), they rose in 6 or more of the 8 steps (steps_up), by a quarter in all, and in the last third too.
-- Or the live bytes rose by half or more each time that the time doubled, four times up to cut (octaves_up): what doubles as a whole grows in few steps.
-- Of a kept recording (record --keep) the time is that of its window. What was live when that began counts as live, and is left out of overdue_* and of
-- ended_later: the blocks that were acquired beside it and freed are gone, so that of those that grew old too many would seem to be live.
-- A cache that is still filling looks the same in a trace: record for longer. Blocks of which the release was lost (lost_free) are left out.
-- grew_between are the marks between which most of the bytes that are live at cut were acquired: after the one, by the other. Empty without marks.
-- blocks_sql is the statement that lists the blocks: of an overdue site the overdue ones, else those that were live at cut.
WITH spans AS (
    SELECT host, process, from_ns, CAST(greatest(to_ns - from_ns, 10) AS DOUBLE) / 10 AS step_ns
    FROM (
        SELECT host, process, coalesce(min(CASE WHEN carried THEN NULL ELSE alloc_ns END), max(alloc_ns)) AS from_ns, max(end_ns) AS to_ns
        FROM allocations
        GROUP BY host, process
    ) AS bounds_of
), blocks AS (
    SELECT a.host AS host, a.process AS process, a.site AS site, a.size AS size, a.alloc_ns AS alloc_ns, a.lifetime_ns AS lifetime_ns,
           p.step_ns * 10 AS span_ns, p.from_ns + 9 * p.step_ns - a.alloc_ns AS age_ns,
           greatest(ceil((a.alloc_ns - p.from_ns) / p.step_ns), 1) AS first_k,
           CASE WHEN a.end_kind = 'alive_at_end' THEN 10 ELSE ceil((a.end_ns - p.from_ns) / p.step_ns) - 1 END AS last_k,
           a.alloc_ns - p.from_ns AS start_ns, CASE WHEN a.end_kind = 'alive_at_end' THEN 10 * p.step_ns ELSE a.end_ns - p.from_ns END AS stop_ns,
           9 * p.step_ns AS cut_ns, CASE WHEN a.carried THEN 1 ELSE 0 END AS is_carried
    FROM allocations a
    JOIN spans p ON p.host = a.host AND p.process = a.process
    WHERE a.end_kind <> 'lost_free' AND a.site <> 0
), held AS (
    SELECT host, process, site,
           max(CASE WHEN last_k < 9 THEN lifetime_ns ELSE 0 END) AS longest_ended_ns,
           sum(CASE WHEN first_k <= 9 AND last_k >= 9 THEN 1 ELSE 0 END) AS live_blocks_cut,
           max(CASE WHEN first_k <= 9 AND last_k >= 9 THEN age_ns ELSE 0 END) AS oldest_live_ns,
           min(alloc_ns) AS first_alloc_ns,
           max(CASE WHEN first_k <= 9 THEN alloc_ns ELSE 0 END) AS last_alloc_ns,
           sum(CASE WHEN first_k <= 1 AND last_k >= 1 THEN size ELSE 0 END) AS live_1,
           sum(CASE WHEN first_k <= 2 AND last_k >= 2 THEN size ELSE 0 END) AS live_2,
           sum(CASE WHEN first_k <= 3 AND last_k >= 3 THEN size ELSE 0 END) AS live_3,
           sum(CASE WHEN first_k <= 4 AND last_k >= 4 THEN size ELSE 0 END) AS live_4,
           sum(CASE WHEN first_k <= 5 AND last_k >= 5 THEN size ELSE 0 END) AS live_5,
           sum(CASE WHEN first_k <= 6 AND last_k >= 6 THEN size ELSE 0 END) AS live_6,
           sum(CASE WHEN first_k <= 7 AND last_k >= 7 THEN size ELSE 0 END) AS live_7,
           sum(CASE WHEN first_k <= 8 AND last_k >= 8 THEN size ELSE 0 END) AS live_8,
           sum(CASE WHEN first_k <= 9 AND last_k >= 9 THEN size ELSE 0 END) AS live_9,
           sum(CASE WHEN start_ns <= cut_ns / 2 AND stop_ns > cut_ns / 2 THEN size ELSE 0 END) AS live_half,
           sum(CASE WHEN start_ns <= cut_ns / 4 AND stop_ns > cut_ns / 4 THEN size ELSE 0 END) AS live_4th,
           sum(CASE WHEN start_ns <= cut_ns / 8 AND stop_ns > cut_ns / 8 THEN size ELSE 0 END) AS live_8th,
           sum(CASE WHEN start_ns <= cut_ns / 16 AND stop_ns > cut_ns / 16 THEN size ELSE 0 END) AS live_16th
    FROM blocks
    GROUP BY host, process, site
), aged AS (
    SELECT host, process, site, size, span_ns, first_k, last_k, CASE WHEN last_k >= 9 THEN age_ns ELSE lifetime_ns END AS old_ns
    FROM blocks
    WHERE first_k <= 9 AND is_carried = 0
), leveled AS (
    SELECT host, process, site, size, span_ns, first_k,
           CASE WHEN last_k >= 9 THEN 1 ELSE 0 END AS is_live,
           CASE
                WHEN old_ns > span_ns / 2 THEN 1
                WHEN old_ns > span_ns / 4 THEN 2
                WHEN old_ns > span_ns / 8 THEN 3
                WHEN old_ns > span_ns / 16 THEN 4
                WHEN old_ns > span_ns / 32 THEN 5
                WHEN old_ns > span_ns / 64 THEN 6
                WHEN old_ns > span_ns / 128 THEN 7
                WHEN old_ns > span_ns / 256 THEN 8
                WHEN old_ns > span_ns / 512 THEN 9
                WHEN old_ns > span_ns / 1024 THEN 10
                WHEN old_ns > span_ns / 2048 THEN 11
                WHEN old_ns > span_ns / 4096 THEN 12
                WHEN old_ns > span_ns / 8192 THEN 13
                WHEN old_ns > span_ns / 16384 THEN 14
                WHEN old_ns > span_ns / 32768 THEN 15
                WHEN old_ns > span_ns / 65536 THEN 16
                ELSE 17
           END AS level
    FROM aged
), cohorts AS (
    SELECT host, process, site, max(span_ns) AS span_ns, level, first_k, is_live, count(*) AS blocks, sum(size) AS bytes
    FROM leveled
    GROUP BY host, process, site, level, first_k, is_live
), ages AS (
    SELECT 3 AS j UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9
    UNION ALL SELECT 10 UNION ALL SELECT 11 UNION ALL SELECT 12 UNION ALL SELECT 13 UNION ALL SELECT 14 UNION ALL SELECT 15 UNION ALL SELECT 16
), tried AS (
    SELECT c.host AS host, c.process AS process, c.site AS site, g.j AS j, max(c.span_ns) AS span_ns,
           sum(CASE WHEN c.is_live = 0 THEN c.blocks ELSE 0 END) AS later,
           sum(CASE WHEN c.is_live = 1 AND c.level < g.j THEN c.blocks ELSE 0 END) AS overdue,
           sum(CASE WHEN c.is_live = 1 AND c.level < g.j THEN c.bytes ELSE 0 END) AS overdue_size,
           sum(CASE WHEN c.is_live = 1 AND c.level < g.j AND c.first_k >= 5 THEN c.blocks ELSE 0 END) AS overdue_late,
           count(DISTINCT CASE WHEN c.is_live = 1 AND c.level < g.j THEN c.first_k END) AS tenths,
           max(CASE WHEN c.is_live = 1 AND c.level < g.j THEN c.first_k ELSE 0 END) AS last_tenth
    FROM cohorts c
    CROSS JOIN ages g
    WHERE c.level <= g.j
    GROUP BY c.host, c.process, c.site, g.j
), fitting AS (
    SELECT host, process, site, j, later, overdue, overdue_size, tenths, span_ns / power(2, j) AS age_ns,
           row_number() OVER (PARTITION BY host, process, site ORDER BY j DESC) AS place
    FROM tried
    WHERE later <= /*:tolerance*/0.05 * (later + overdue) AND tenths >= 3 AND last_tenth >= 6 AND overdue_late * 4 > overdue
), kept AS (
    SELECT host, process, site, later, overdue, overdue_size, tenths, age_ns
    FROM fitting
    WHERE place = 1
), steps AS (
    SELECT 1 AS k UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8
    UNION ALL SELECT 9
), points AS (
    SELECT h.host AS host, h.process AS process, h.site AS site, t.k AS k,
           CASE t.k WHEN 1 THEN h.live_1 WHEN 2 THEN h.live_2 WHEN 3 THEN h.live_3 WHEN 4 THEN h.live_4
           WHEN 5 THEN h.live_5 WHEN 6 THEN h.live_6 WHEN 7 THEN h.live_7 WHEN 8 THEN h.live_8 WHEN 9 THEN h.live_9 END AS live
    FROM held h
    CROSS JOIN steps t
), slopes AS (
    SELECT a.host AS host, a.process AS process, a.site AS site, CAST(b.live - a.live AS DOUBLE) / (b.k - a.k) AS slope,
           row_number() OVER (PARTITION BY a.host, a.process, a.site ORDER BY CAST(b.live - a.live AS DOUBLE) / (b.k - a.k)) AS place
    FROM points a
    JOIN points b ON b.host = a.host AND b.process = a.process AND b.site = a.site
    WHERE b.k > a.k
), trends AS (
    SELECT host, process, site,
           max(CASE WHEN place = 9 THEN slope END) AS low,
           avg(CASE WHEN place IN (18, 19) THEN slope END) AS middle,
           max(CASE WHEN place = 28 THEN slope END) AS high
    FROM slopes
    GROUP BY host, process, site
), figures AS (
    SELECT host, process, site, longest_ended_ns, live_blocks_cut, oldest_live_ns, first_alloc_ns, last_alloc_ns, live_1, live_6, live_9,
           CASE WHEN live_2 > live_1 THEN 1 ELSE 0 END +
           CASE WHEN live_3 > live_2 THEN 1 ELSE 0 END +
           CASE WHEN live_4 > live_3 THEN 1 ELSE 0 END +
           CASE WHEN live_5 > live_4 THEN 1 ELSE 0 END +
           CASE WHEN live_6 > live_5 THEN 1 ELSE 0 END +
           CASE WHEN live_7 > live_6 THEN 1 ELSE 0 END +
           CASE WHEN live_8 > live_7 THEN 1 ELSE 0 END +
           CASE WHEN live_9 > live_8 THEN 1 ELSE 0 END AS steps_up,
           CASE WHEN live_half > 0 AND live_9 * 2 >= live_half * 3 THEN 1 ELSE 0 END +
           CASE WHEN live_4th > 0 AND live_half * 2 >= live_4th * 3 THEN 1 ELSE 0 END +
           CASE WHEN live_8th > 0 AND live_4th * 2 >= live_8th * 3 THEN 1 ELSE 0 END +
           CASE WHEN live_16th > 0 AND live_8th * 2 >= live_16th * 3 THEN 1 ELSE 0 END AS octaves_up
    FROM held
), suspects AS (
    SELECT f.host AS host, f.process AS process, f.site AS site, f.longest_ended_ns AS longest_ended_ns, f.live_blocks_cut AS live_blocks_cut,
           f.oldest_live_ns AS oldest_live_ns, f.first_alloc_ns AS first_alloc_ns, f.last_alloc_ns AS last_alloc_ns, f.live_1 AS live_1, f.live_9 AS live_9,
           f.steps_up AS steps_up, f.octaves_up AS octaves_up, t.low AS low, t.middle AS middle, t.high AS high,
           CASE WHEN t.low > 0 AND f.steps_up >= 6 AND f.live_9 * 4 >= f.live_1 * 5 AND (f.live_9 - f.live_6) * 20 >= (f.live_9 - f.live_1) * 3 THEN 1
                WHEN f.octaves_up = 4 THEN 1
                ELSE 0 END AS is_growing
    FROM figures f
    JOIN trends t ON t.host = f.host AND t.process = f.process AND t.site = f.site
), judged AS (
    SELECT c.host AS host, c.process AS process, c.site AS site, c.longest_ended_ns AS longest_ended_ns, c.live_blocks_cut AS live_blocks_cut,
           c.oldest_live_ns AS oldest_live_ns, c.first_alloc_ns AS first_alloc_ns, c.last_alloc_ns AS last_alloc_ns, c.live_1 AS live_1, c.live_9 AS live_9,
           c.steps_up AS steps_up, c.octaves_up AS octaves_up, c.low AS low, c.middle AS middle, c.high AS high, c.is_growing AS is_growing,
           CASE WHEN k.overdue > 0 THEN 1 ELSE 0 END AS is_overdue, coalesce(k.overdue, 0) AS overdue, coalesce(k.overdue_size, 0) AS overdue_size,
           coalesce(k.tenths, 0) AS tenths, coalesce(k.later, 0) AS later, coalesce(k.age_ns, 0) AS age_ns
    FROM suspects c
    LEFT JOIN kept k ON k.host = c.host AND k.process = c.process AND k.site = c.site
), bounds AS (
    SELECT host, process, name, CAST(row_number() OVER (PARTITION BY host, process ORDER BY ns, name) AS BIGINT) AS k FROM markers
    UNION ALL SELECT host, process, '(start)' AS name, CAST(0 AS BIGINT) AS k FROM markers GROUP BY host, process
    UNION ALL SELECT host, process, '(end)' AS name, CAST(count(*) + 1 AS BIGINT) AS k FROM markers GROUP BY host, process
), passed AS (
    SELECT host, process, site, size, is_mark, CAST(sum(is_mark) OVER (PARTITION BY host, process ORDER BY ns, is_mark) AS BIGINT) AS k
    FROM (
        SELECT b.host AS host, b.process AS process, b.site AS site, b.size AS size, b.alloc_ns AS ns, 0 AS is_mark
        FROM blocks b
        JOIN (SELECT host, process FROM markers GROUP BY host, process) AS m ON m.host = b.host AND m.process = b.process
        WHERE b.first_k <= 9 AND b.last_k >= 9
        UNION ALL SELECT host, process, 0 AS site, 0 AS size, ns, 1 AS is_mark FROM markers
    ) AS moments
), stretches AS (
    SELECT host, process, site, k, sum(size) AS bytes FROM passed WHERE is_mark = 0 GROUP BY host, process, site, k
), most AS (
    SELECT host, process, site, k, row_number() OVER (PARTITION BY host, process, site ORDER BY bytes DESC, k) AS place FROM stretches
), marked AS (
    SELECT s.host AS host, s.process AS process, s.site AS site, concat(a.name, ' -> ', b.name) AS grew_between
    FROM most s
    JOIN bounds a ON a.host = s.host AND a.process = s.process AND a.k = s.k
    JOIN bounds b ON b.host = s.host AND b.process = s.process AND b.k = s.k + 1
    WHERE s.place = 1
)
SELECT s.function, s.file, s.line,
       CASE WHEN c.is_overdue = 1 AND c.is_growing = 1 THEN 'overdue, growing' WHEN c.is_overdue = 1 THEN 'overdue' ELSE 'growing' END AS why,
       c.overdue_bytes, c.overdue_blocks, c.overdue_tenths, c.outlived_ns, c.ended_later, c.longest_ns,
       c.live_bytes AS live_bytes, c.live_blocks AS live_blocks, c.oldest_ns, c.growth_bytes, c.steps_up, c.octaves_up,
       c.growth_per_min, c.growth_per_min_low, c.growth_per_min_high, c.first_ns AS first_ns, c.last_ns AS last_ns,
       c.grew_between, s.live_bytes AS live_at_end, s.text, c.blocks_sql, s.host AS host, s.process AS process, s.site
FROM sites s
JOIN (
    SELECT j.host AS host, j.process AS process, j.site AS site, j.is_overdue AS is_overdue, j.is_growing AS is_growing,
           j.overdue_size AS overdue_bytes, j.overdue AS overdue_blocks, j.tenths AS overdue_tenths, CAST(floor(j.age_ns + 0.5) AS BIGINT) AS outlived_ns,
           j.later AS ended_later, j.longest_ended_ns AS longest_ns, j.live_9 AS live_bytes, j.live_blocks_cut AS live_blocks,
           CAST(floor(j.oldest_live_ns) AS BIGINT) AS oldest_ns, j.live_9 - j.live_1 AS growth_bytes, j.steps_up AS steps_up,
           j.octaves_up AS octaves_up,
           j.middle / p.step_ns * 60000000000 AS growth_per_min, j.low / p.step_ns * 60000000000 AS growth_per_min_low,
           j.high / p.step_ns * 60000000000 AS growth_per_min_high, j.first_alloc_ns AS first_ns, j.last_alloc_ns AS last_ns,
           coalesce(w.grew_between, '') AS grew_between,
           concat('SELECT * FROM allocations WHERE host = ''', replace(j.host, '''', ''''''), ''' AND process = ''', replace(j.process, '''', ''''''),
                  ''' AND site = ', CAST(j.site AS String),
                  ' AND alloc_ns <= ', CAST(CAST(CASE WHEN j.is_overdue = 1 THEN ceil(p.from_ns + 9 * p.step_ns - 2 * j.age_ns) - 1
                                                      ELSE floor(p.from_ns + 9 * p.step_ns) END AS BIGINT) AS String),
                  ' AND end_ns > ', CAST(CAST(floor(p.from_ns + 9 * p.step_ns) AS BIGINT) AS String),
                  CASE WHEN j.is_overdue = 1 AND o.carried_blocks > 0 THEN ' AND NOT carried' ELSE '' END,
                  ' AND end_kind <> ''lost_free'' ORDER BY alloc_ns') AS blocks_sql
    FROM judged j
    JOIN spans p ON p.host = j.host AND p.process = j.process
    JOIN sites o ON o.host = j.host AND o.process = j.process AND o.site = j.site
    LEFT JOIN marked w ON w.host = j.host AND w.process = j.process AND w.site = j.site
    WHERE (j.is_overdue = 1 OR j.is_growing = 1) AND j.live_9 >= /*:min_bytes*/0
) AS c ON c.host = s.host AND c.process = s.process AND c.site = s.site
ORDER BY growth_bytes DESC, overdue_bytes DESC, host, process, s.site
