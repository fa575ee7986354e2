using System.Diagnostics;
using AllocReplay.Formats;
using AllocReplay.Formats.Summary;
using AllocReplay.Tests.Support;
using Trace = AllocReplay.Formats.Trace;

namespace AllocReplay.Tests.Endtoend;

/// <summary>A run of a program's script: what it did, and how long it took.</summary>
internal sealed record ProgramRun(string Output, int ExitCode, double Seconds)
{
    /// <summary>Once this is over the program hangs, and is killed; other work may be going on.</summary>
    private const string Patience = "300";

    /// <summary>Runs a script in an empty directory.</summary>
    /// <param name="script">The script.</param>
    /// <param name="directory">Where to make that directory; other users' processes reach it.</param>
    /// <param name="prefix">The words to put before the program: none, or a recorder's.</param>
    public static ProgramRun Of(ProgramScript script, TemporaryDirectory directory, params string[] prefix)
    {
        string work = WorkDirectory(directory);
        var clock = Stopwatch.StartNew();
        ProgramResult result = Programs.Run(
            "timeout", ["-k", "10", Patience, "bash", script.Path, .. prefix], start => start.WorkingDirectory = work);
        double seconds = clock.Elapsed.TotalSeconds;
        Directory.Delete(work, recursive: true);
        if (result.ExitCode != 0)
            TestContext.Current.TestOutputHelper?.WriteLine(result.Error);
        return new ProgramRun(result.Output, result.ExitCode, seconds);
    }

    /// <summary>An empty directory in another; other users' processes reach it.</summary>
    public static string WorkDirectory(TemporaryDirectory directory)
    {
        string work = directory["work"];
        Directory.CreateDirectory(work);
        File.SetUnixFileMode(work, OpenToAll & ~(UnixFileMode.GroupWrite | UnixFileMode.OtherWrite));
        File.SetUnixFileMode(directory.Path, OpenToAll);
        return work;
    }

    private const UnixFileMode OpenToAll = (UnixFileMode)0b111_111_111;
}

/// <summary>What the recording of a run holds, of all its process images together.</summary>
/// <param name="Calls">Calls; a reallocation is one.</param>
/// <param name="Events">Events of all kinds.</param>
/// <param name="EventBytes">Bytes of events.</param>
/// <param name="Images">Process images.</param>
/// <param name="Threads">Their threads.</param>
/// <param name="LostEvents">Calls that are missing.</param>
/// <param name="Warnings">What <c>info</c> warns of, a line an image and kind.</param>
internal sealed record ProgramRecording(
    long Calls, long Events, long EventBytes, int Images, int Threads, long LostEvents, IReadOnlyList<string> Warnings)
{
    /// <summary>Reads each image as <c>info</c> does.</summary>
    /// <exception cref="TraceFormatException">There is nothing, or an image's head is damaged.</exception>
    public static ProgramRecording Of(string path)
    {
        using Trace trace = Trace.Open(path);
        var all = new ProgramRecording(0, 0, 0, 0, 0, 0, []);
        foreach (ProcessImage image in trace.Images)
        {
            using TraceReader reader = trace.OpenImage(image.Name);
            TraceSummary s = TraceSummary.Read(reader);
            all = new ProgramRecording(all.Calls + s.Calls, all.Events + s.Events, all.EventBytes + s.EventBytes, all.Images + 1,
                all.Threads + s.Threads.Count, all.LostEvents + (long)s.EventsLost,
                [.. all.Warnings, .. TraceWarnings.Of(s).Select(w => $"{System.IO.Path.GetFileName(image.Executable)} {image.Name}: {w.Kind}, {w.Count}")]);
        }
        return all;
    }
}
