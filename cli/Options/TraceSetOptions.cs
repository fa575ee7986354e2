using System.CommandLine;
using AllocReplay.Cli.Pages;
using AllocReplay.Formats;
using AllocReplay.Replayer.Compare.Corpus;

namespace AllocReplay.Cli.Options;

/// <summary>The traces that a command is to read.</summary>
/// <param name="Traces">One or more, no two alike.</param>
/// <param name="LeftOut">What lies beside them and is not read.</param>
/// <param name="IsOne">Whether one was asked for: then it is not told of as one of several, which a directory with one trace in it is.</param>
/// <param name="TakesAllImages">Whether the traces are process images that nobody named.</param>
internal sealed record TraceSet(
    IReadOnlyList<TraceChoice> Traces, IReadOnlyList<LeftOut> LeftOut, bool IsOne, bool TakesAllImages);

/// <summary>The argument and the options of a command that reads several traces, directories of them, and all process images of each.</summary>
internal sealed class TraceSetOptions
{
    private const int NamedMax = 6;

    private readonly Argument<string[]> _traces = new("trace")
    {
        Description = "Recordings (NAME.allocrec), process images inside them, packed traces (NAME.alloctrace), and directories with such in them.",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly TraceChoiceOptions _part = new(allowsAll: true);

    public void AddTo(Command command)
    {
        command.Arguments.Add(_traces);
        _part.AddOptionsTo(command);
    }

    /// <param name="parse">What was asked for.</param>
    /// <param name="imagesMax">So many process images of a trace there is time for, where all are asked for.</param>
    /// <exception cref="TraceFormatException">There are no traces where they were looked for.</exception>
    public TraceSet Of(ParseResult parse, int imagesMax)
    {
        string[] named = parse.GetValue(_traces)!;
        var traces = new List<TraceChoice>();
        var leftOut = new List<LeftOut>();
        foreach (string path in named)
        {
            // A mistyped name is not to be told of after the others were compared.
            if (named.Length > 1 && !Path.Exists(path))
                throw new TraceFormatException(path, null, "no such trace");
            if (!TraceFolder.Is(path))
            {
                traces.Add(_part.Of(parse, path));
                continue;
            }
            (IReadOnlyList<string> found, IReadOnlyList<string> others) = TraceFolder.List(path);
            traces.AddRange(found.Select(f => _part.Of(parse, f)));
            if (others.Count > 0)
                leftOut.Add(new LeftOut(path, NamesOf(others), "no traces"));
        }
        if (traces.Count == 0)
            throw new TraceFormatException(string.Join(", ", named), null, "expected recordings or packed traces in it, found none");
        bool takesAllImages = traces[0].Process == TraceArguments.AllProcesses;
        if (takesAllImages)
        {
            (IReadOnlyList<TraceChoice> Images, LeftOut? LeftOut)[] images = [.. traces.Select(t => TraceImages.Of(t, imagesMax / traces.Count, ComparisonPage.FewCalls))];
            traces = [.. images.SelectMany(i => i.Images)];
            leftOut.AddRange(images.Select(i => i.LeftOut).OfType<LeftOut>());
            if (traces.Count == 0)
                throw new TraceFormatException(string.Join(", ", named), null, $"no process image with {ComparisonPage.FewCalls:N0} calls: name one by --process");
        }
        return new TraceSet(
            [.. traces.DistinctBy(t => (Path.GetFullPath(Path.TrimEndingDirectorySeparator(t.Path)), t.Process))], leftOut,
            IsOne: named.Length == 1 && !TraceFolder.Is(named[0]) && !takesAllImages,
            takesAllImages);
    }

    private static string NamesOf(IReadOnlyList<string> names) =>
        string.Join(", ", names.Take(NamedMax)) + (names.Count > NamedMax ? $" and {names.Count - NamedMax} others" : "");
}
