using AllocReplay.Analyzer.Query;

namespace AllocReplay.Analyzer.Check;

/// <summary>Holds the process images of a dataset against limits.</summary>
public static class DatasetCheck
{
    /// <summary>Judges each process image by itself.</summary>
    /// <param name="path">The dataset's path, for messages.</param>
    /// <param name="query">The dataset.</param>
    /// <param name="images">The process images to judge.</param>
    /// <param name="limits">What they have to keep to.</param>
    /// <param name="token">Ends it between two process images; <see cref="DatasetQuery.Ending"/> a statement.</param>
    /// <exception cref="DatasetException">The dataset is damaged, or does not have what a limit is about.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public static CheckReport Run(string path, DatasetQuery query, IReadOnlyList<DatasetProcess> images, CheckLimits limits, CancellationToken token = default)
    {
        if (limits.MaxOutstandingPerSite is not null && images.FirstOrDefault(i => !i.HasStacks) is { } without)
            throw new DatasetException(path, $"{without.Process} has no call stacks, which a limit of sites needs: record with --stacks auto");
        IReadOnlyList<DatasetProcess> before = limits.Baseline is null ? [] : DatasetProcess.AllOf(limits.Baseline);
        if (images.Concat(before).FirstOrDefault(i => i.Sampling.IsSample) is { } sampled)
        {
            string where = before.Contains(sampled) ? "in the baseline " : "";
            throw new DatasetException(
                path, $"of {sampled.Process} {where}not every block was recorded: a sample cannot be held against limits; record without --sample");
        }
        var suppressed = new SuppressedStacks(query, limits.Suppressions);
        Dictionary<DatasetProcess, DatasetProcess?> others = limits.Baseline is null ? []
            : DatasetProcess.Pair(images, before).ToDictionary(p => p.Image, p => p.Other);
        if (limits.Baseline is not null && others.Values.All(o => o is null))
            throw new DatasetException(path, $"the baseline has no process image of {string.Join(" or of ", images.Select(i => i.Program).Distinct())}");
        SuppressedStacks? suppressedBefore = limits.Baseline is null ? null : new SuppressedStacks(limits.Baseline, limits.Suppressions);
        var findings = new List<CheckFinding>();
        var judged = new List<CheckedProcess>();
        var taken = new Dictionary<int, BlockCount>();
        foreach (DatasetProcess image in images)
        {
            token.ThrowIfCancellationRequested();
            OutstandingBlocks outstanding = OutstandingBlocks.Of(query, image, suppressed);
            foreach ((int suppression, BlockCount blocks) in outstanding.Suppressed)
                taken[suppression] = taken.GetValueOrDefault(suppression) + blocks;
            (double BytesPerMinute, long OverNs)? growth = limits.MaxGrowth is null ? null : LiveGrowth.Of(query, image, suppressed);
            var places = new CheckPlaces(query, image);
            Peak(path, image, places, limits, findings);
            Outstanding(image, places, outstanding, limits, findings);
            if (growth?.BytesPerMinute > limits.MaxGrowth)
            {
                (long Site, long Bytes)? most = LiveGrowth.MostGrown(query, image, suppressed);
                findings.Add(Of(image, CheckCondition.MaxGrowth, CheckFigure.Growth, Rounded(growth.Value.BytesPerMinute), Rounded(limits.MaxGrowth.Value))
                    with
                { Place = most is { } m ? places.Of(m.Site, m.Bytes) : null });
            }
            if (others.GetValueOrDefault(image) is { } other)
                findings.AddRange(BaselineCheck.Run(
                    path, query, image, outstanding, limits, other, OutstandingBlocks.Of(limits.Baseline!, other, suppressedBefore!)));
            judged.Add(new CheckedProcess(
                image.Host, image.Process, image.Program, image.PeakLiveBytes, outstanding.Total.Bytes, outstanding.Total.Blocks, image.BytesAcquired,
                growth?.BytesPerMinute, image.HasStacks, image.IsPart, image.EventsLost, image.Damage, others.GetValueOrDefault(image)?.Process,
                outstanding.Uncertain.Bytes, outstanding.Uncertain.Blocks, image.WindowFromNs, growth?.OverNs));
        }
        return new CheckReport(findings.Count == 0, findings, judged, [.. limits.Suppressions.Select((s, i) => new SuppressionUse(
            s.Pattern, s.Line, suppressed.IsUsed(i), taken.GetValueOrDefault(i).Blocks, taken.GetValueOrDefault(i).Bytes))]);
    }

    internal static CheckFinding Of(DatasetProcess image, CheckCondition condition, CheckFigure figure, long value, long limit) =>
        new(condition, figure, image.Host, image.Process, value, limit, Baseline: null, IsOfSite: false, IsNew: false, Place: null);

    private static void Peak(string path, DatasetProcess image, CheckPlaces places, CheckLimits limits, List<CheckFinding> findings)
    {
        if (limits.MaxPeak is not { } max)
            return;
        long peak = image.PeakLiveBytes
            ?? throw new DatasetException(path, "an older version wrote it, without the peak of live bytes: analyze the trace again");
        if (peak > max)
            findings.Add(Of(image, CheckCondition.MaxPeak, CheckFigure.Peak, peak, max) with { Place = places.AtPeak() });
    }

    private static void Outstanding(
        DatasetProcess image, CheckPlaces places, OutstandingBlocks outstanding, CheckLimits limits, List<CheckFinding> findings)
    {
        IEnumerable<KeyValuePair<long, BlockCount>> sites = outstanding.BySite.OrderByDescending(s => s.Value.Bytes).ThenBy(s => s.Key);
        if (outstanding.Total.Bytes > limits.MaxOutstanding)
        {
            CheckFinding finding = Of(image, CheckCondition.MaxOutstanding, CheckFigure.Outstanding, outstanding.Total.Bytes, limits.MaxOutstanding.Value);
            KeyValuePair<long, BlockCount> most = sites.First();
            findings.Add(finding with { Place = places.Of(most.Key, most.Value.Bytes), UncertainBytes = outstanding.Uncertain.Bytes });
        }
        if (limits.MaxOutstandingPerSite is not { } max)
            return;
        foreach ((long site, BlockCount blocks) in sites.Where(s => s.Value.Bytes > max))
            findings.Add(Of(image, CheckCondition.MaxOutstandingPerSite, CheckFigure.Outstanding, blocks.Bytes, max)
                with
            { IsOfSite = true, Place = places.Of(site, blocks.Bytes), UncertainBytes = outstanding.UncertainBySite.GetValueOrDefault(site).Bytes });
    }

    private static long Rounded(double value) => (long)Math.Round(Math.Clamp(value, -9e18, 9e18));
}
