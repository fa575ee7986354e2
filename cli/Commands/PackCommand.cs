using System.CommandLine;
using System.Runtime.InteropServices;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
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
            return Run(recording, file, parse.GetValue(partial), parse.GetValue(json), terminal);
        });
        return command;
    }

    /// <exception cref="UsageException">The file is there, and may not be replaced.</exception>
    public static void RefuseToReplace(string file, bool force)
    {
        if (WhyNotWritable(file, force) is { } why)
            throw new UsageException(why);
    }

    /// <summary>Why a file may not be written, or null when it may.</summary>
    public static string? WhyNotWritable(string file, bool force) =>
        Directory.Exists(file) ? $"{file}: is a directory; choose another name"
        : !force && File.Exists(file) ? $"{file}: already there; choose another name, or replace it with --force"
        : null;

    /// <summary>Packs under a progress bar, and says what was written.</summary>
    /// <returns>null when it was interrupted: then nothing was written.</returns>
    public static PackResult? Pack(string recording, string file, bool partial, Terminal terminal)
    {
        using var interrupted = new CancellationTokenSource();
        using PosixSignalRegistration onInterrupt = CancelOn(PosixSignal.SIGINT, interrupted), onTerminate = CancelOn(PosixSignal.SIGTERM, interrupted);
        PackResult result;
        try
        {
            SessionSwitch.BringIn(recording);
            result = terminal.WithProgress($"packing {recording}", progress => TracePacker.Pack(recording, file, partial, progress, interrupted.Token));
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        string events = result.Events == 0 ? "" : FormattableString.Invariant($", {(double)result.Bytes / result.Events:0.00} bytes/event");
        string images = result.Images == 1 ? "" : $" of {Quantity.Count(result.Images, "process image")}";
        terminal.Note($"allocreplay: packed {file}: {Quantity.Count(result.Events, "event")}{images}, {Quantity.Bytes(result.Bytes)}{events}");
        if (result.Damage is not null)
            terminal.Note($"allocreplay: warning: the recording is damaged, what could be read was packed: {result.Damage.Message}");
        return result;
    }

    private static PosixSignalRegistration CancelOn(PosixSignal signal, CancellationTokenSource source) =>
        PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            source.Cancel();
        });

    private static int Run(string recording, string file, bool partial, bool json, Terminal terminal)
    {
        if (Pack(recording, file, partial, terminal) is not { } result)
        {
            terminal.Note("allocreplay: interrupted; nothing was written");
            return ExitCode.Interrupted;
        }
        if (json)
            terminal.WriteJson("allocreplay.pack/1", new PackSummary(file, result.Images, result.Events, result.Bytes, result.Damage?.Message));
        terminal.Next(TextLine.Command("info", file));
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
