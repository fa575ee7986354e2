using System.CommandLine;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Recorder.Attach;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay detach</c>: takes an attached recorder out of a program's way.</summary>
internal static class DetachCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<int> pid = AttachCommand.ProcessId();
        Option<bool> quiet = new("--quiet", "-q") { Description = "Say nothing when all went well." };
        var detach = new Command("detach", "End the recording of a process that was attached to, and put its functions back.") { pid, quiet };
        Interruptible.SetAction(detach, terminal, (parse, token) =>
        {
            TimeSpan held = Detachment.Of(parse.GetValue(pid), token);
            if (!parse.GetValue(quiet))
                terminal.Note($"allocreplay: detached from pid {parse.GetValue(pid)}, which was held {Quantity.Duration((long)held.TotalNanoseconds)}");
            return ExitCode.Ok;
        });
        return detach;
    }
}
