using AllocReplay.Analyzer.Query;

namespace AllocReplay.Analyzer.Report;

/// <summary>A mark in the course of the trace.</summary>
/// <param name="Ns">When it was left, ns since start.</param>
/// <param name="Name">Its name; several may have the same.</param>
/// <param name="Moment">The place of its moment; that of the nearest, where there are so many marks that they have none of their own.</param>
public sealed record TimelineMark(long Ns, string Name, int Moment);

/// <summary>The marks of a recording, as many as a page has room for.</summary>
/// <param name="Shown">The first, by time.</param>
/// <param name="Others">How many are left out.</param>
public sealed record TimelineMarks(IReadOnlyList<TimelineMark> Shown, long Others)
{
    private const int Most = 1000;

    internal static TimelineMarks Of(IReadOnlyList<DatasetMark> marks, ReportMoments moments) => new(
        [.. marks.Take(Most).Select(m => new TimelineMark(m.Ns, ReportText.Cut(m.Name), moments.NearestTo(m.Ns)))], Math.Max(0, marks.Count - Most));
}
