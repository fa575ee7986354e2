namespace AllocReplay.Analyzer.Diff;

/// <summary>A side of a comparison, and its totals.</summary>
/// <param name="Path">The dataset or trace, as it was given.</param>
/// <param name="Host">The process image's host, as the dataset has it.</param>
/// <param name="Process">The process image.</param>
/// <param name="Program">The program's file name; empty where it is not known.</param>
/// <param name="FromNs">Blocks acquired from here on count, in ns since the start.</param>
/// <param name="ToNs">And before here; null for the end.</param>
/// <param name="Blocks">Blocks acquired.</param>
/// <param name="Bytes">Bytes requested for them.</param>
/// <param name="PeakLiveBytes">Most bytes live at a time; null of a part of the trace, or where the dataset does not have it.</param>
/// <param name="OutstandingBlocks">Blocks live at the end of the side.</param>
/// <param name="OutstandingBytes">Bytes of those.</param>
public sealed record DiffSide(
    string Path, string Host, string Process, string Program, long FromNs, long? ToNs, long Blocks, long Bytes, long? PeakLiveBytes,
    long OutstandingBlocks, long OutstandingBytes)
{
    internal static DiffSide Of(string path, DatasetSide side, IEnumerable<SiteFigures> figures)
    {
        List<SiteFigures> all = [.. figures];
        return new DiffSide(
            path, side.Process.Host, side.Process.Process, side.Process.Program, side.FromNs, side.ToNs, Sum(f => f.Blocks), Sum(f => f.Bytes),
            side.FromNs == 0 && side.ToNs is null ? side.Process.PeakLiveBytes : null,
            Sum(f => f.OutstandingBlocks), Sum(f => f.OutstandingBytes));

        long Sum(Func<SiteFigures, long> figure) =>
            (long)Int128.Min(long.MaxValue, all.Aggregate((Int128)0, (sum, f) => sum + figure(f)));
    }
}
