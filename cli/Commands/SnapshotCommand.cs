using System.CommandLine;
using System.Globalization;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Formats.Packed;
using AllocReplay.Recorder;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay control TARGET snapshot</c>: what a recording has at one moment, as a trace of its own.</summary>
internal static class SnapshotCommand
{
    public static Command Create(Argument<string> target, Terminal terminal)
    {
        Option<string?> output = new("--output", "-o")
        {
            Description = "File to write. Default: NAME.snapshot.DATE-TIME.alloctrace, NAME being the recording's.",
            HelpName = "file",
        };
        Option<bool> force = new("--force") { Description = "Replace a file that is already there." };
        Option<bool> json = TraceArguments.Json();
        var command = new Command("snapshot", "Write what there is as a packed trace, up to one moment, while the recording goes on.") { output, force, json };
        Interruptible.SetAction(command, terminal, (parse, token) =>
        {
            IReadOnlyList<string> images = ControlTarget.Find(parse.GetValue(target)!);
            var file = new OutputFile(parse.GetValue(output) ?? DefaultName(images[0]), parse.GetValue(force));
            file.Refuse();
            PackResult result = terminal.WithLateProgress($"packing {parse.GetValue(target)}",
                progress => RecordingSnapshot.Take(images, file.Name, file.Force, progress, token));
            terminal.Note(Describe(file.Name, result));
            if (parse.GetValue(json))
                terminal.WriteJson("allocreplay.pack/1", new PackSummary(file.Name, result.Images, result.Events, result.Bytes, result.Damage?.Message));
            terminal.Next(TextLine.Command("info", file.Name));
            return ExitCode.Ok;
        });
        return command;
    }

    /// <summary>What was written, as a line.</summary>
    public static string Describe(string file, PackResult result)
    {
        string images = result.Images == 1 ? "" : $" of {Quantity.Count(result.Images, "process image")}";
        string damage = result.Damage is null ? "" : $"; the recording is damaged, what could be read is there: {result.Damage.Message}";
        return $"allocreplay: snapshot {file}: {Quantity.Count(result.Events, "event")}{images}, {Quantity.Bytes(result.Bytes)}{damage}";
    }

    private static string DefaultName(string image)
    {
        string session = Path.GetFileNameWithoutExtension(Path.GetDirectoryName(Path.GetFullPath(image.TrimEnd('/')))!);
        return $"{session}.snapshot.{DateTime.Now.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}{PackCommand.Extension}";
    }
}
