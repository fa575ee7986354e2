-- Find a leak: sites that held more at 60 % of the time than at 30 %, and more again at 90 %.
--     allocreplay query shop.parquet "$(cat find-a-leak.sql)"
-- growth_bytes is what a site gained between 30 % and 90 %. The last tenth is left out: programs give back there what they held.
-- longest_ended_ms is the longest life of a block of the site that was given back before, kept_longer how many blocks were by then older than
-- twice that: a leak has many of them, a cache that fills has none that were given back at all (0 ms).
WITH spans AS (
    SELECT host, process, min(alloc_ns) AS from_ns, max(end_ns) - min(alloc_ns) AS span_ns
    FROM allocations
    GROUP BY host, process
), blocks AS (
    SELECT a.host, a.process, a.site, a.size, a.lifetime_ns,
           (a.alloc_ns - s.from_ns) / s.span_ns AS begins,
           CASE WHEN a.end_kind = 'alive_at_end' THEN 2 ELSE (a.end_ns - s.from_ns) / s.span_ns END AS ends,
           0.9 * s.span_ns + s.from_ns - a.alloc_ns AS age_ns
    FROM allocations a
    JOIN spans s ON s.host = a.host AND s.process = a.process
    WHERE a.end_kind <> 'lost_free' AND a.site <> 0
), ended AS (
    SELECT host, process, site, coalesce(max(lifetime_ns) FILTER (ends <= 0.9), 0) AS longest_ns
    FROM blocks
    GROUP BY host, process, site
), held AS (
    SELECT b.host, b.process, b.site, e.longest_ns,
           coalesce(sum(b.size) FILTER (b.begins <= 0.3 AND b.ends > 0.3), 0) AS live_30,
           coalesce(sum(b.size) FILTER (b.begins <= 0.6 AND b.ends > 0.6), 0) AS live_60,
           coalesce(sum(b.size) FILTER (b.begins <= 0.9 AND b.ends > 0.9), 0) AS live_90,
           count(*) FILTER (b.begins <= 0.9 AND b.ends > 0.9 AND b.age_ns > 2 * e.longest_ns) AS kept_longer
    FROM blocks b
    JOIN ended e ON e.host = b.host AND e.process = b.process AND e.site = b.site
    GROUP BY b.host, b.process, b.site, e.longest_ns
)
SELECT s.function, s.file, s.line, h.live_90 - h.live_30 AS growth_bytes, h.live_30, h.live_60, h.live_90,
       h.longest_ns // 1000000 AS longest_ended_ms, h.kept_longer, s.text, s.host, s.process, s.site
FROM held h
JOIN sites s ON s.host = h.host AND s.process = h.process AND s.site = h.site
WHERE h.live_60 > h.live_30 AND h.live_90 > h.live_60
ORDER BY growth_bytes DESC, s.host, s.process, s.site;
