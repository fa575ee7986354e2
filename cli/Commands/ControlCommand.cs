using System.CommandLine;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;
using AllocReplay.Recorder;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay control</c>: starts, stops and marks a recording while the program runs.</summary>
internal static class ControlCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string> target = new("target")
        {
            Description = "A process id (the command's, or the recorder's), a recording directory (all its running processes), or one process "
                + "image inside it.",
        };
        Argument<string> name = new("name") { Description = "The mark's name, 1 to 47 bytes." };
        Option<bool> json = TraceArguments.Json();

        Option<string?> timeout = new("--timeout")
        {
            Description = "How long to wait for threads that are in the hook: seconds, or with ms, s, m or h. What they hold up is named. Default: 10s.",
            HelpName = "time",
        };

        var start = new Command("start", "Begin a new interval.");
        start.SetAction(parse => Each(SessionSwitch.Open, parse.GetValue(target)!, terminal, p => $"recording, interval {p.Start()}"));
        var stop = new Command("stop", "End the interval: when this returns, it is complete on disk and nothing is recorded any more.") { timeout };
        stop.SetAction(parse =>
        {
            TimeSpan? wait = parse.GetValue(timeout) is { } time ? Quantity.ParseTime("--timeout", time) : null;
            return Each(SessionSwitch.Close, parse.GetValue(target)!, terminal,
                p => p.Stop(wait) is var n and > 0 ? $"stopped, interval {n} is complete" : "was not recording");
        });
        var mark = new Command("mark", "Leave a named mark at this moment.") { name };
        mark.SetAction(parse => Each(_ => { }, parse.GetValue(target)!, terminal, p =>
        {
            p.Mark(parse.GetValue(name)!);
            return $"marked '{parse.GetValue(name)}'";
        }));
        var status = new Command("status", "Show what the recording is doing.") { json };
        status.SetAction(parse => Status(parse.GetValue(target)!, parse.GetValue(json), terminal));
        return new Command("control", "Start, stop and mark a recording while the program runs.") {
            target, start, stop, mark, status, SnapshotCommand.Create(target, terminal),
        };
    }

    /// <summary>Carries a request out in each image that still runs; in a session, first for those to come.</summary>
    private static int Each(Action<string> session, string target, Terminal terminal, Func<ControlledProcess, string> request)
    {
        int done = 0;
        if (SessionSwitch.IsSession(target))
            session(target);
        foreach (string image in ControlTarget.Find(target, runningOnly: true))
        {
            using ControlledProcess process = ControlledProcess.Open(image);
            ControlStatus status = process.Status();
            if (!status.Alive)
                continue;
            try
            {
                terminal.Note($"{status.Image}: {request(process)}");
                done++;
            }
            catch (ControlException) when (!process.Status().Alive)
            {
                // It ended meanwhile.
            }
        }
        return done > 0 ? ExitCode.Ok : throw new ControlException($"{target}: its processes have all ended");
    }

    private static int Status(string target, bool json, Terminal terminal)
    {
        RecordingStatus status = StatusReading.Of(target);
        if (json)
        {
            terminal.WriteJson("allocreplay.status/1", status);
            return ExitCode.Ok;
        }
        terminal.Write(StatusPage.Images(status));
        terminal.Line("");
        terminal.Write(StatusPage.Facts(status, target), terminal.Width);
        return ExitCode.Ok;
    }
}
