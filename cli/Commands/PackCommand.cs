using System.CommandLine;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Formats.Packed;
using AllocReplay.Recorder;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay pack</c>: a recording becomes one file.</summary>
internal static class PackCommand
{
    public const string Extension = ".alloctrace";

    public static Command Create(Terminal terminal)
    {
        Argument<string> trace = TraceArguments.Trace();
        Option<string?> output = new("--output", "-o")
        {
            Description = $"File to write. Default: the recording's name with {Extension} for its extension, in the current directory.",
            HelpName = "file",
        };
        Option<bool> force = new("--force") { Description = "Replace a file that is already there." };
        Option<bool> partial = TraceArguments.Partial();
        Option<bool> json = TraceArguments.Json();
        var command = new Command("pack", "Pack a recording into one small file that can be sent and kept.") { trace, output, force, partial, json };
        command.SetAction(parse =>
        {
            string recording = parse.GetValue(trace)!;
            string file = parse.GetValue(output) ?? Path.GetFileNameWithoutExtension(Path.GetFullPath(recording).TrimEnd('/')) + Extension;
            RefuseToReplace(file, parse.GetValue(force));
            return Run(recording, new Target(file, parse.GetValue(force)), parse.GetValue(partial), parse.GetValue(json), terminal);
        });
        return command;
    }

    /// <summary>The file that a command is to write.</summary>
    /// <param name="File">Its name.</param>
    /// <param name="Force">A file of that name may be replaced.</param>
    internal readonly record struct Target(string File, bool Force);

    /// <exception cref="UsageException">The file is there, and may not be replaced; or it would be inside a recording.</exception>
    public static void RefuseToReplace(string file, bool force)
    {
        if (WhyNotWritable(file, force) is { } why)
            throw new UsageException(why);
    }

    /// <summary>Why a file may not be written, or null when it may.</summary>
    public static string? WhyNotWritable(string file, bool force) =>
        TraceNotWritableException.Foresee(file, force) is { } obstacle ? obstacle.Message + Failures.OfOutput(obstacle.Obstacle).Hint : WhyNotBeside(file);

    /// <summary>Why nothing may be written beside what a name stands for: a recording is written by what records alone. Null when it may.</summary>
    public static string? WhyNotBeside(string path) =>
        Trace.RecordingAround(path) is { } recording ? $"{path}: would be inside a recording, {recording}; choose another name" : null;

    /// <summary>Packs under a progress bar, and says what was written.</summary>
    /// <exception cref="OperationCanceledException">It was interrupted: then nothing was written.</exception>
    public static PackResult Pack(string recording, Target target, bool partial, Terminal terminal, CancellationToken token)
    {
        (string file, bool force) = target;
        SessionSwitch.BringIn(recording);
        PackResult result = terminal.WithProgress(
            $"packing {recording}", progress => TracePacker.Pack(recording, file, partial, force, progress, token));
        string events = result.Events == 0 ? "" : FormattableString.Invariant($", {(double)result.Bytes / result.Events:0.00} bytes/event");
        string images = result.Images == 1 ? "" : $" of {Quantity.Count(result.Images, "process image")}";
        terminal.Note($"allocreplay: packed {file}: {Quantity.Count(result.Events, "event")}{images}, {Quantity.Bytes(result.Bytes)}{events}");
        if (result.Damage is not null)
            terminal.Note($"allocreplay: warning: the recording is damaged, what could be read was packed: {result.Damage.Message}");
        return result;
    }

    private static int Run(string recording, Target target, bool partial, bool json, Terminal terminal)
    {
        using var interruption = new Interruption();
        PackResult result;
        try
        {
            result = Pack(recording, target, partial, terminal, interruption.Token);
        }
        catch (OperationCanceledException)
        {
            terminal.Note("allocreplay: interrupted; nothing was written");
            return interruption.ExitCode;
        }
        if (json)
            terminal.WriteJson("allocreplay.pack/1", new PackSummary(target.File, result.Images, result.Events, result.Bytes, result.Damage?.Message));
        terminal.Next(TextLine.Command("info", target.File));
        return ExitCode.Ok;
    }
}

/// <summary>What <c>pack --json</c> prints.</summary>
/// <param name="File">The file that was written.</param>
/// <param name="Images">Process images in it.</param>
/// <param name="Events">Events of all images.</param>
/// <param name="Bytes">Size of the file.</param>
/// <param name="Damage">The first damage of the recording, of which only the readable was packed; null where it has none.</param>
internal sealed record PackSummary(string File, int Images, long Events, long Bytes, string? Damage);
