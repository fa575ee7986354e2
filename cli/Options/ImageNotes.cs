using AllocReplay.Analyzer.Query;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;

namespace AllocReplay.Cli.Options;

/// <summary>What has to be known of a process image of a dataset before its figures are trusted, a line each.</summary>
internal static class ImageNotes
{
    /// <summary>That it was chosen of several, as nobody named one.</summary>
    /// <param name="name">The process image.</param>
    /// <param name="count">How many there are.</param>
    /// <param name="path">Their dataset or trace, as it was given.</param>
    /// <param name="option">The option that names one.</param>
    public static string OfBusiest(string name, long count, string path, string option = "--process") =>
        $"Note: {TextLine.Plain(name)} is the busiest of {Quantity.Count(count)} process images of {TextLine.Plain(path)}; {option} chooses another";

    /// <param name="image">The process image.</param>
    /// <param name="path">Its dataset or trace, as it was given.</param>
    public static IEnumerable<string> Of(DatasetProcess image, string path) => Of(path, image.Sampling, image.PartFromNs, image.PartToNs, image.WindowFromNs);

    /// <param name="path">Its dataset or trace, as it was given.</param>
    /// <param name="sampling">Which blocks were recorded.</param>
    /// <param name="fromNs">From when its trace was read, in ns since the start.</param>
    /// <param name="toNs">Up to when; null where that is its end.</param>
    /// <param name="windowFromNs">From when on all of a kept recording is there; 0 where it is from its beginning.</param>
    public static IEnumerable<string> Of(string path, Sampling sampling, long fromNs, long? toNs, long windowFromNs)
    {
        string name = TextLine.Plain(path);
        if (sampling.IsSample)
            yield return $"Note: of {name} {SampleText.FiguresAreOfThose(sampling)}";
        if (windowFromNs > 0)
        {
            yield return $"Note: {name} is whole from {Quantity.Duration(windowFromNs)} on: of what was before, only the blocks that were live then are there, "
                + "and what is told of calls and of what they acquired is of the time since";
        }
        if (fromNs > 0 || toNs is not null)
        {
            yield return $"Note: {name} is a part of a trace, from {Quantity.Duration(fromNs)} to {(toNs is { } to ? Quantity.Duration(to) : "its end")}: "
                + "what was acquired before is not in it";
        }
    }
}
