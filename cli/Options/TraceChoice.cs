using System.CommandLine;
using System.Globalization;
using AllocReplay.Formats;

namespace AllocReplay.Cli.Options;

/// <summary>What a command is to read.</summary>
/// <param name="Path">The trace.</param>
/// <param name="Process">The process image, or null for the busiest.</param>
/// <param name="Range">The part of it, or null for all.</param>
internal sealed record TraceChoice(string Path, string? Process = null, TraceRange? Range = null)
{
    /// <summary>The words by which another command is given the same choice.</summary>
    public string[] Words =>
    [
        Path,
        .. Given("--process", Process), .. Given("--interval", Range?.Interval?.ToString(CultureInfo.InvariantCulture)),
        .. Given("--from-mark", Range?.FromMark), .. Given("--to-mark", Range?.ToMark),
    ];

    private static string[] Given(string option, string? value) => value is null ? [] : [option, value];
}

/// <summary>The argument and the options of a command that reads one process image of a trace, or a part of it.</summary>
internal sealed class TraceChoiceOptions
{
    private readonly Argument<string> _trace = TraceArguments.Trace();
    private readonly Option<string?> _process = TraceArguments.Process();
    private readonly Option<uint?> _interval = TraceArguments.Interval();
    private readonly Option<string?> _fromMark = TraceArguments.FromMark();
    private readonly Option<string?> _toMark = TraceArguments.ToMark();

    public void AddTo(Command command)
    {
        command.Arguments.Add(_trace);
        foreach (Option option in new Option[] { _process, _interval, _fromMark, _toMark })
            command.Options.Add(option);
    }

    public TraceChoice Of(ParseResult parse)
    {
        var range = new TraceRange { Interval = parse.GetValue(_interval), FromMark = parse.GetValue(_fromMark), ToMark = parse.GetValue(_toMark) };
        return new TraceChoice(parse.GetValue(_trace)!, parse.GetValue(_process), range == new TraceRange() ? null : range);
    }
}
