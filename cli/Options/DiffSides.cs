using System.CommandLine;
using AllocReplay.Analyzer.Diff;
using AllocReplay.Analyzer.Query;
using AllocReplay.Cli.Output;

namespace AllocReplay.Cli.Options;

/// <summary>
/// The options that say what the two sides of a comparison are. Given once, an option is for both; given twice, the first is for the first side.
/// </summary>
internal sealed class DiffSideOptions
{
    private const string Peak = "peak", End = "end";

    private readonly Option<string[]> _process = New(
        "--process", "image", "Process image (pPID.N); given again, that of the second side. Default: the busiest.");

    private readonly Option<string[]> _at = New(
        "--at", $"time|{MomentArgument.MarkForm}|{Peak}|{End}",
        "As it was at a moment: what was acquired until then, and what was live. A time since the start, such as 10s, a mark of the recording, "
        + $"{Peak} or {End}; given again, that of the second side.");

    private readonly Option<string[]> _from = New(
        "--from", $"time|{MomentArgument.MarkForm}",
        "Only blocks acquired from here on. A time since the start, such as 10s, or a mark of the recording (mark#2:NAME: the second of that name); given "
        + "again, that of the second side.");

    private readonly Option<string[]> _to = New(
        "--to", $"time|{MomentArgument.MarkForm}",
        "Only blocks acquired before here; what is live then is outstanding. Given again, that of the second side.");

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _process, _at, _from, _to })
            command.Options.Add(option);
    }

    /// <summary>Looks whether the options go together, before anything is read.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="hasOther">Whether there are two datasets.</param>
    /// <exception cref="UsageException">They do not.</exception>
    public void Check(ParseResult parse, bool hasOther)
    {
        foreach (Option<string[]> option in new[] { _process, _at, _from, _to })
            if (Of(parse, option).Length > 2)
                throw new UsageException($"{option.Name}: expected one for both sides, or one for each, found {Of(parse, option).Length}");
        if (Of(parse, _at).Length > 0 && Of(parse, _from).Length + Of(parse, _to).Length > 0)
            throw new UsageException("--at excludes --from and --to");
        if (!hasOther && new[] { _process, _at, _from, _to }.All(o => Of(parse, o).Distinct().Count() < 2))
            throw new UsageException(
                "one dataset: name a second, or what of it is to be compared, such as --at 10s --at 60s, --from 0s --to 10s --from 10s --to 20s, "
                + "or --process twice");
        foreach (int side in new[] { 0, 1 })
        {
            foreach (Option<string[]> option in new[] { _at, _from, _to })
                if (ValueOf(parse, option, side) is { } moment && !(option == _at && moment is Peak or End))
                    MomentArgument.Check(option.Name, moment);
        }
    }

    /// <summary>A side.</summary>
    /// <exception cref="UsageException">It is not there.</exception>
    public DatasetSide Of(ParseResult parse, int side, DatasetOperand operand, Terminal terminal)
    {
        string? name = ValueOf(parse, _process, side);
        IReadOnlyList<DatasetProcess> images = operand.Images(name is null ? [] : [name]);
        DatasetProcess image = images.MaxBy(i => i.Acquisitions)!;
        if (name is null && images.Count > 1)
            terminal.Note(ImageNotes.OfBusiest($"{DatasetOperand.NameOf(image, images)} ({image.Program})", images.Count, operand.Path));
        return ValueOf(parse, _at, side) switch
        {
            null => Stretch(),
            End => new DatasetSide(operand.Query, image),
            // What is acquired at the moment itself counts, and what is released then does not live any more.
            Peak => new DatasetSide(operand.Query, image, 0, (image.PeakLiveNs ?? throw new UsageException(
                $"--at {Peak}: {operand.Path} does not have it, an older version wrote it")) + 1),
            { } at => new DatasetSide(operand.Query, image, 0, InWindow(_at, MomentArgument.NsOf(_at.Name, at, operand, image)) + 1),
        };

        // What was live before is not known: only what of it outlived that time.
        long InWindow(Option<string[]> option, long ns) => ns >= image.WindowFromNs ? ns : throw new UsageException(
            $"{option.Name} {ValueOf(parse, option, side)}: {operand.Path} is whole from {Quantity.Duration(image.WindowFromNs)} on: name a moment there");

        DatasetSide Stretch()
        {
            long from = NsOf(_from) ?? 0;
            return NsOf(_to) is { } to && to <= from
                ? throw new UsageException(
                    $"--to {ValueOf(parse, _to, side)}: expected a time after {ValueOf(parse, _from, side) ?? "the start"}")
                : new DatasetSide(operand.Query, image, from, NsOf(_to) is { } end ? InWindow(_to, end) : null);
        }

        long? NsOf(Option<string[]> option) =>
            ValueOf(parse, option, side) is { } text ? MomentArgument.NsOf(option.Name, text, operand, image) : null;
    }

    private static string[] Of(ParseResult parse, Option<string[]> option) => parse.GetValue(option) ?? [];

    private static string? ValueOf(ParseResult parse, Option<string[]> option, int side) =>
        Of(parse, option) is { Length: > 0 } values ? values[Math.Min(side, values.Length - 1)] : null;

    private static Option<string[]> New(string name, string value, string description) => new(name) { Description = description, HelpName = value };
}
