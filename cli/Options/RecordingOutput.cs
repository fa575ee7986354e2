using AllocReplay.Cli.Commands;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Recorder;

namespace AllocReplay.Cli.Options;

/// <summary>Where a recording goes, by the extension of the name: a directory, or one file that it becomes at its end.</summary>
internal sealed class RecordingOutput
{
    public const string Extension = ".allocrec";

    private readonly string? _packed;
    private readonly bool _force;

    /// <param name="name">As the user gave it.</param>
    /// <param name="force">What is there may be replaced.</param>
    public RecordingOutput(string name, bool force)
    {
        _force = force;
        Name = Path.TrimEndingDirectorySeparator(name);
        _packed = Path.GetExtension(Name) == PackCommand.Extension ? Name : null;
        Directory = _packed is null ? Name : Path.ChangeExtension(_packed, Extension);
    }

    public string Name { get; }

    /// <summary>The file that it becomes; null: it stays a directory.</summary>
    public string? Packed => _packed;

    /// <summary>The recording directory: where it stays, or is until it is packed.</summary>
    public string Directory { get; }

    /// <summary>Why nothing may be recorded there, or null when it may. Other extensions promise a format that this is not.</summary>
    public string? WhyNot()
    {
        if (Name.Length == 0)
            return "expected a name for the recording, found none";
        if (Name == "-")
            return "-: a recording is a directory or a file and no stream; give it a name";
        if (Path.GetExtension(Name) is not ("" or Extension or PackCommand.Extension))
        {
            return $"{Name}: nothing is recorded under this name; end it in {PackCommand.Extension} for one file, or in {Extension} "
                + "or no extension for a directory";
        }
        if (_packed is not null && new OutputFile(_packed, _force).WhyNot() is { } why)
            return why;
        string until = _packed is null ? "" : $" ({_packed} is recorded there before it is packed)";
        if (File.Exists(Directory))
            return $"{Directory}: already there, and not a recording{until}; choose another name";
        if (!System.IO.Directory.Exists(Directory))
        {
            string parent = Path.GetDirectoryName(Path.GetFullPath(Directory))!;
            return System.IO.Directory.Exists(parent) ? OutputFile.WhyNotBeside(Directory) : $"{Directory}: there is no directory {parent}";
        }
        return !_force ? $"{Directory}: already there{until}; choose another name, or replace it with --force" : RecordSession.WhyNotReplaced(Directory);
    }

    /// <summary>Where a file was asked for, the recording becomes one, and its directory goes: unless something is still in it that the file has not.</summary>
    /// <returns>An exit code: Ok when what was asked for is there.</returns>
    public int Finish(Terminal terminal, bool quiet = false)
    {
        if (_packed is null)
            return ExitCode.Ok;
        using var interruption = new Interruption();
        try
        {
            PackCommand.Pack(Directory, new OutputFile(_packed, _force), partial: false, quiet ? new Terminal(terminal.Out, TextWriter.Null) : terminal,
                interruption.Token);
        }
        catch (OperationCanceledException)
        {
            terminal.Note($"allocreplay: interrupted; the recording is kept: pack it with: {TextLine.Command("pack", Directory)}");
            return interruption.ExitCode;
        }
        catch (Exception e) when (e is TraceFormatException or IOException or UnauthorizedAccessException)
        {
            terminal.Note($"allocreplay: cannot pack the recording, which is kept: {e.Message}");
            return ExitCode.RecordFailed;
        }
        if (!System.IO.Directory.Exists(Directory))
            return ExitCode.Ok;
        if (SessionSwitch.Running(Directory) is { Count: > 0 } running)
        {
            terminal.Note($"allocreplay: pid {string.Join(", ", running)} still records into {Directory}: the file has what was there "
                + "so far, the directory is kept");
        }
        else
            System.IO.Directory.Delete(Directory, recursive: true);
        return ExitCode.Ok;
    }
}
