using System.CommandLine;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Recorder;

namespace AllocReplay.Cli.Options;

/// <summary>Arguments and options that several commands share, so that they read alike everywhere.</summary>
internal static class TraceArguments
{
    public static Argument<string> Trace() => new("trace")
    {
        Description = "A recording (NAME.allocrec), one process image inside it, or a packed trace (NAME.alloctrace).",
    };

    /// <summary>Of a command that also takes what is recorded now.</summary>
    /// <param name="when">When it does, to follow a word.</param>
    public static Argument<string> Running(string when = "") => new("trace")
    {
        Description = "A recording (NAME.allocrec), one process image inside it, or a packed trace (NAME.alloctrace); "
            + $"a process id (the command's, or the recorder's){when}.",
    };

    /// <summary>The value of <c>--process</c> that stands for every process image.</summary>
    public const string AllProcesses = "all";

    public static Option<string?> Process(bool allowsAll = false, bool isAll = false) => new("--process")
    {
        Description = "Process image to read, as 'info' lists them (pPID.N)" + (allowsAll ? $", or {AllProcesses} for each of them" : "")
            + (isAll ? $". Default: {AllProcesses}." : ". Default: the busiest."),
        HelpName = allowsAll ? $"image|{AllProcesses}" : "image",
    };

    public static Option<uint?> Interval() => new("--interval")
    {
        Description = "Only this interval of a recording that was stopped and started. Default: all.",
        HelpName = "n",
    };

    public static Option<string?> FromMark() => new("--from-mark")
    {
        Description = "Only what follows the first mark of this name. What was allocated before is known when it is freed.",
        HelpName = "name",
    };

    public static Option<string?> ToMark() => new("--to-mark")
    {
        Description = "Only what comes before the first mark of this name, after that of --from-mark.",
        HelpName = "name",
    };

    public static Option<string?> From() => new("--from")
    {
        Description = "Only what is not before this time since the start of the recording, such as 90s. What was allocated before is known when it is freed.",
        HelpName = "time",
    };

    public static Option<string?> To() => new("--to")
    {
        Description = "Only what comes before this time since the start of the recording.",
        HelpName = "time",
    };

    public static Option<bool> Json() => new("--json") { Description = "Print JSON." };

    public const string PartialName = "--partial";

    public static Option<bool> Partial() => new(PartialName)
    {
        Description = "Go on with what is readable of a damaged trace.",
    };

    /// <summary>Opens what was chosen of a trace. Where the choice among several process images was left to us, it says which one it took.</summary>
    /// <param name="choice">What to open.</param>
    /// <param name="terminal">Told which of several it is.</param>
    /// <param name="preferred">The image to take where none was chosen, if there is one of that name; else it is the busiest.</param>
    /// <exception cref="TracePartException">The trace has no such process image, interval or mark.</exception>
    /// <exception cref="TraceFormatException">There is no such trace.</exception>
    public static TraceReader Open(TraceChoice choice, Terminal terminal, string? preferred = null) =>
        Open(choice, terminal, preferred, (trace, image) => trace.OpenImage(image, choice.Range, ownsTrace: true));

    /// <summary>As the other, of a trace that may be recorded on.</summary>
    /// <param name="trace">What to open.</param>
    /// <param name="terminal">Told which of several it is.</param>
    public static TraceReader Open(RunningTrace trace, Terminal terminal) => Open(trace.Choice, terminal, null, trace.OpenImage);

    private static TraceReader Open(TraceChoice choice, Terminal terminal, string? preferred, Func<Formats.Trace, string?, TraceReader> open)
    {
        SessionSwitch.BringIn(choice.Path);
        Formats.Trace trace = Formats.Trace.Open(choice.Path);
        string? image = choice.Process ?? (preferred is null ? null : trace.Images.FirstOrDefault(i => i.Name == preferred)?.Name);
        TraceReader reader = open(trace, image);
        if (image is null && trace.ImageCount > 1)
            terminal.Note($"Note: {Describe(reader)} is the busiest of {Quantity.Count(reader.Trace.ImageCount)} process images; "
                + $"{choice.ProcessOption} chooses another");
        return reader;
    }

    private static string Describe(TraceReader reader)
    {
        string program = Path.GetFileName(reader.Process.Executable);
        return TextLine.Plain(program.Length == 0 ? reader.Image : $"{reader.Image} ({program})");
    }
}
