using AllocReplay.Formats;

namespace AllocReplay.Cli.Options;

/// <summary>The file that a command is to write.</summary>
/// <param name="Name">As the user gave it.</param>
/// <param name="Force">A file of that name may be replaced.</param>
internal readonly record struct OutputFile(string Name, bool Force)
{
    /// <summary>Why it may not be written, or null when it may.</summary>
    public string? WhyNot() => TraceNotWritableException.Foresee(Name, Force) is { } obstacle
        ? obstacle.Message + Failures.OfOutput(obstacle.Obstacle).Hint
        : WhyNotBeside(Name);

    /// <exception cref="UsageException">It may not be written.</exception>
    public void Refuse()
    {
        if (WhyNot() is { } why)
            throw new UsageException(why);
    }

    /// <summary>Why nothing may be written beside what a name stands for: a recording is written by what records alone. Null when it may.</summary>
    public static string? WhyNotBeside(string path) =>
        Trace.RecordingAround(path) is { } recording ? $"{path}: would be inside a recording, {recording}; choose another name" : null;
}
