using System.CommandLine;

namespace AllocReplay.Cli.Options;

/// <summary>Arguments and options that several commands share, so that they read alike everywhere.</summary>
internal static class TraceArguments
{
    public static Argument<string> Trace() => new("trace") { Description = "A recording (NAME.allocrec), one process image inside it, or a packed trace (NAME.alloctrace)." };

    public static Option<string?> Process() => new("--process")
    {
        Description = "Process image to read, as 'info' lists them (pPID.N). Default: the busiest.",
        HelpName = "image",
    };

    public static Option<uint?> Interval() => new("--interval")
    {
        Description = "Only this interval of a recording that was stopped and started. Default: all.",
        HelpName = "n",
    };

    public static Option<bool> Json() => new("--json") { Description = "Print JSON." };

    public const string PartialName = "--partial";

    public static Option<bool> Partial() => new(PartialName)
    {
        Description = "Go on with what is readable of a damaged trace.",
    };
}
