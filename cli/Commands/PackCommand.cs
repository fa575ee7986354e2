using System.CommandLine;
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
        Interruptible.SetAction(command, terminal, (parse, token) =>
        {
            string recording = parse.GetValue(trace)!;
            if (PackedRecording.FileOf(recording) is { } begun)
            {
                if (parse.GetValue(output) is { } other && Path.GetFullPath(other) != begun)
                    throw new UsageException($"{recording}: its first part is in {begun}, which is gone on with; leave -o out");
                return Run(recording, new OutputFile(begun, Force: true), parse.GetValue(partial), parse.GetValue(json), terminal, token);
            }
            string file = parse.GetValue(output) ?? Path.GetFileNameWithoutExtension(Path.GetFullPath(recording).TrimEnd('/')) + Extension;
            return Run(recording, new OutputFile(file, parse.GetValue(force)), parse.GetValue(partial), parse.GetValue(json), terminal, token);
        });
        return command;
    }

    /// <summary>Packs under a progress bar, and says what was written.</summary>
    /// <exception cref="OperationCanceledException">It was interrupted: then nothing was written.</exception>
    public static PackResult Pack(string recording, OutputFile output, bool partial, Terminal terminal, CancellationToken token)
    {
        (string file, bool force) = output;
        SessionSwitch.BringIn(recording);
        PackResult result = terminal.WithProgress($"packing {recording}", progress => PackedRecording.FileOf(recording) is null
            ? TracePacker.Pack(recording, file, partial, force, progress, token)
            : GoOn(recording, file, partial, progress, token));
        string events = result.Events == 0 ? "" : FormattableString.Invariant($", {(double)result.Bytes / result.Events:0.00} bytes/event");
        string images = result.Images == 1 ? "" : $" of {Quantity.Count(result.Images, "process image")}";
        terminal.Note($"allocreplay: packed {file}: {Quantity.Count(result.Events, "event")}{images}, {Quantity.Bytes(result.Bytes)}{events}");
        if (result.Damage is not null)
            terminal.Note($"allocreplay: warning: the recording is damaged, what could be read was packed: {result.Damage.Message}");
        return result;
    }

    private static PackResult GoOn(string recording, string file, bool partial, IProgress<double> progress, CancellationToken token)
    {
        try
        {
            return PackedRecording.Complete(recording, partial, progress, token);
        }
        catch (OperationCanceledException)
        {
            throw new InterruptedException($"{file} has what was packed, and the rest is in {recording}: the same command goes on");
        }
    }

    private static int Run(string recording, OutputFile output, bool partial, bool json, Terminal terminal, CancellationToken token)
    {
        output.Refuse();
        PackResult result = Pack(recording, output, partial, terminal, token);
        if (json)
            terminal.WriteJson("allocreplay.pack/1", new PackSummary(output.Name, result.Images, result.Events, result.Bytes, result.Damage?.Message));
        terminal.Next(TextLine.Command("info", output.Name));
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
