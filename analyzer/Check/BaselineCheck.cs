using AllocReplay.Analyzer.Diff;
using AllocReplay.Analyzer.Query;

namespace AllocReplay.Analyzer.Check;

/// <summary>A process image held against one of an earlier run: its totals, and its sites where both have call stacks.</summary>
internal static class BaselineCheck
{
    public static IEnumerable<CheckFinding> Run(
        string path, DatasetQuery query, DatasetProcess image, OutstandingBlocks outstanding, CheckLimits limits, DatasetProcess before,
        OutstandingBlocks outstandingBefore)
    {
        if (image.PeakLiveBytes is null || image.BytesAcquired is null || before.BytesAcquired is null || before.PeakLiveBytes is null)
            throw new DatasetException(path, "it or the baseline was written by an older version, without all figures: analyze the trace again");
        List<SiteDiff> sites = image.HasStacks && before.HasStacks
            ? [.. DatasetDiff.Of(new DatasetSide(limits.Baseline!, before), new DatasetSide(query, image)).Where(s => s.Match != SiteMatch.OnlyA)]
            : [];
        foreach ((CheckFigure figure, long now, long then) in new[]
        {
            (CheckFigure.Peak, image.PeakLiveBytes.Value, before.PeakLiveBytes.Value),
            (CheckFigure.Outstanding, outstanding.Total.Bytes, outstandingBefore.Total.Bytes),
            (CheckFigure.Allocated, image.BytesAcquired.Value, before.BytesAcquired.Value),
        })
        {
            var rows = sites.Select(s => (Site: s, Now: NowOf(s, figure), Then: ThenOf(s, figure))).ToList();
            if (LimitOf(now, then) is { } limit)
            {
                // Where it comes from: what grew most.
                var most = rows.OrderByDescending(r => r.Now - r.Then).ThenBy(r => r.Site.Site.Site).FirstOrDefault(r => r.Now > r.Then);
                yield return DatasetCheck.Of(image, CheckCondition.Baseline, figure, now, limit)
                    with
                { Baseline = then, Place = most.Site is { } s ? CheckPlaces.Of(s.Site, most.Now - most.Then) : null };
            }
            foreach ((SiteDiff site, long siteNow, long siteThen) in rows.OrderByDescending(r => r.Now - r.Then).ThenBy(r => r.Site.Site.Site))
                if (LimitOf(siteNow, siteThen) is { } siteLimit)
                    yield return DatasetCheck.Of(image, CheckCondition.Baseline, figure, siteNow, siteLimit)
                        with
                    {
                        Baseline = siteThen,
                        IsOfSite = true,
                        IsNew = site.Match == SiteMatch.OnlyB,
                        Place = CheckPlaces.Of(site.Site, siteNow),
                    };
        }

        long NowOf(SiteDiff s, CheckFigure figure) => figure switch
        {
            CheckFigure.Peak => s.B.PeakLiveBytes,
            CheckFigure.Allocated => s.B.Bytes,
            _ => outstanding.BySite.GetValueOrDefault(s.Site.Site).Bytes,
        };

        long ThenOf(SiteDiff s, CheckFigure figure) => figure switch
        {
            CheckFigure.Peak => s.A.PeakLiveBytes,
            CheckFigure.Allocated => s.A.Bytes,
            _ => s.SiteOfA is { } site ? outstandingBefore.BySite.GetValueOrDefault(site).Bytes : 0,
        };

        // What a figure might be, where it is more.
        long? LimitOf(long now, long then)
        {
            double limit = Math.Max(then * (1 + limits.MaxRegression), then + (double)Math.Max(0, limits.MinDifference - 1));
            return now > limit ? (long)Math.Min(limit, 9e18) : null;
        }
    }
}
