using System.CommandLine;
using System.Globalization;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;

namespace AllocReplay.Cli.Options;

/// <summary>What a command is to read.</summary>
/// <param name="Path">The trace.</param>
/// <param name="Process">The process image, or null for the busiest.</param>
/// <param name="Range">The part of it, or null for all.</param>
internal sealed record TraceChoice(string Path, string? Process = null, TraceRange? Range = null)
{
    /// <summary>The program that the process image ran, where it was looked up.</summary>
    public string? Program { get; init; }

    /// <summary>The option that chooses the process image.</summary>
    public string ProcessOption { get; init; } = "--process";

    /// <summary>The choice as the words of another command's line.</summary>
    public IReadOnlyList<string> Words =>
    [
        Path,
        .. Process is { } process ? ["--process", process] : Array.Empty<string>(),
        .. Range?.Interval is { } interval ? ["--interval", interval.ToString(CultureInfo.InvariantCulture)] : Array.Empty<string>(),
        .. Range?.FromMark is { } from ? ["--from-mark", from] : Array.Empty<string>(),
        .. Range?.ToMark is { } to ? ["--to-mark", to] : Array.Empty<string>(),
        .. Range?.FromNs is { } fromNs ? ["--from", Seconds(fromNs)] : Array.Empty<string>(),
        .. Range?.ToNs is { } toNs ? ["--to", Seconds(toNs)] : Array.Empty<string>(),
    ];

    private static string Seconds(long ns) => (ns / 1e9m).ToString("0.#########", CultureInfo.InvariantCulture) + "s";
}

/// <summary>The argument and the options of a command that reads one process image of a trace, or a part of it.</summary>
/// <param name="allowsAll">Whether the process image may be <see cref="TraceArguments.AllProcesses"/>.</param>
/// <param name="isAll">Whether it is, unless another is named.</param>
/// <param name="trace">The argument; null for that of most commands.</param>
internal sealed class TraceChoiceOptions(bool allowsAll = false, bool isAll = false, Argument<string>? trace = null)
{
    private readonly Argument<string> _trace = trace ?? TraceArguments.Trace();
    private readonly Option<string?> _process = TraceArguments.Process(allowsAll, isAll);
    private readonly Option<uint?> _interval = TraceArguments.Interval();
    private readonly Option<string?> _fromMark = TraceArguments.FromMark();
    private readonly Option<string?> _toMark = TraceArguments.ToMark();
    private readonly Option<string?> _from = TraceArguments.From();
    private readonly Option<string?> _to = TraceArguments.To();

    public void AddTo(Command command)
    {
        command.Arguments.Add(_trace);
        AddOptionsTo(command);
    }

    /// <summary>Without the argument: of a command that names its traces otherwise.</summary>
    public void AddOptionsTo(Command command)
    {
        foreach (Option option in new Option[] { _process, _interval, _fromMark, _toMark, _from, _to })
            command.Options.Add(option);
    }

    public TraceChoice Of(ParseResult parse) => Of(parse, parse.GetValue(_trace)!);

    /// <summary>What was chosen, of a trace of that name.</summary>
    public TraceChoice Of(ParseResult parse, string trace)
    {
        var range = new TraceRange
        {
            Interval = parse.GetValue(_interval),
            FromMark = parse.GetValue(_fromMark),
            ToMark = parse.GetValue(_toMark),
            FromNs = Moment(parse, _from),
            ToNs = Moment(parse, _to),
        };
        if (range.ToNs <= (range.FromNs ?? 0))
            throw new UsageException($"--to {parse.GetValue(_to)}: expected a time after {parse.GetValue(_from) ?? "the start"}");
        string? process = parse.GetValue(_process) ?? (isAll ? TraceArguments.AllProcesses : null);
        return new TraceChoice(trace, process, range == new TraceRange() ? null : range);
    }

    private static long? Moment(ParseResult parse, Option<string?> option) =>
        parse.GetValue(option) is { } text ? Quantity.ParseMoment(option.Name, text) : null;
}
