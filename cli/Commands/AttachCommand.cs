using System.CommandLine;
using System.Globalization;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Recorder;
using AllocReplay.Recorder.Attach;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay attach</c>: records a process that runs already.</summary>
internal static class AttachCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<int> pid = ProcessId();
        Option<string?> output = new("--output", "-o")
        {
            Description = $"Recording directory to create, or, with {PackCommand.Extension} for its extension, one file, which it becomes at its end. "
                + "Default: NAME.DATE-TIME.allocrec, NAME being the program's.",
            HelpName = "path",
        };
        Option<bool> quiet = new("--quiet", "-q") { Description = "Say nothing when all went well." };
        Option<bool> regions = new("--mmap") { Hidden = true }; // what users of 'record' look for: to be told why not
        var attach = new Command("attach", "Record a process that runs already, until it ends or Ctrl-C detaches from it.") { pid, output, quiet, regions };
        var arguments = new RecordingArguments();
        arguments.AddTo(attach);
        attach.SetAction(parse =>
        {
            int target = parse.GetValue(pid);
            if (parse.GetValue(regions))
                throw new UsageException("--mmap is not for a program that runs already: start it with 'record --mmap'");
            IReadOnlyList<string> command = Attachment.CommandOf(target);
            string program = command is [{ Length: > 0 } first, ..] ? first : $"{target}";
            var destination = new RecordingOutput(parse.GetValue(output) ?? RecordCommand.DefaultOutput(program), parse.GetValue(arguments.Force));
            if (destination.WhyNot() is { } why)
                throw new UsageException(why);
            RecordOptions options = arguments.Of(parse, command, destination.Directory, RecordVia.Attach);
            return Interruptible.Run(terminal, interruption => Run(target, options, destination, parse.GetValue(quiet), terminal, interruption.Token));
        });
        return attach;
    }

    /// <summary>The argument that names a process.</summary>
    public static Argument<int> ProcessId()
    {
        Argument<int> pid = new("pid") { Description = "The process's id." };
        pid.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && !(int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int id) && id > 0))
                result.AddError($"{text}: expected a process id");
        });
        return pid;
    }

    private static int Run(int pid, RecordOptions options, RecordingOutput output, bool quiet, Terminal terminal, CancellationToken interruption)
    {
        using Attachment attached = Attachment.Begin(pid, options, interruption);
        if (!quiet)
        {
            terminal.Note($"allocreplay: attached to pid {pid} in {Time(attached.Took)}, of which it was held {Time(attached.Held)}; recording into "
                + $"{options.Output}{(options.StartPaused ? $" when 'allocreplay control {pid} start' says so" : "")}; Ctrl-C detaches");
        }
        if (!quiet && options.Stacks != StackWalk.None && attached.HasOwnFiles)
        {
            terminal.Note("allocreplay: it has files of its own, as in a container: while it runs, "
                + $"'{TextLine.Command("symbolize", options.Output)}' keeps the names of its functions");
        }
        if (attached.Warning is { } warning)
            terminal.Note($"allocreplay: calls of the allocator that is linked into it are not recorded: {warning}");
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(interruption);
        if (options.Duration is { } duration)
            ends.CancelAfter(duration);
        AttachEnd end = attached.Wait(ends.Token);
        int code = ExitCode.Ok;
        if (end == AttachEnd.Cancelled)
        {
            try
            {
                attached.Detach(CancellationToken.None); // what has interrupted us is what this is for
            }
            catch (ControlException) when (attached.HasEnded)
            {
                end = AttachEnd.ProgramEnded;
            }
            catch (ControlException) when (attached.WasDetached)
            {
                end = AttachEnd.Detached;
            }
            catch (ControlException e)
            {
                // What was recorded is there; and nothing is any more.
                terminal.Note($"allocreplay: {e.Message}; the recorder stays in the program and does nothing");
                code = ExitCode.NotPossible;
            }
        }
        attached.Complete();
        if (!quiet && code == ExitCode.Ok)
        {
            terminal.Note(end switch
            {
                AttachEnd.ProgramEnded => $"allocreplay: pid {pid} has ended",
                AttachEnd.Replaced => $"allocreplay: pid {pid} runs another program now, which is not recorded",
                AttachEnd.Detached => $"allocreplay: pid {pid} was detached from",
                _ => $"allocreplay: detached from pid {pid}, which was held {Time(attached.Held)} in all",
            });
        }
        if (!quiet && output.Name == output.Directory && SessionSwitch.Running(output.Directory) is { Count: > 0 } children)
        {
            terminal.Note($"allocreplay: what it has forked is recorded on: pid {string.Join(", ", children)}; 'allocreplay detach' of each ends that");
        }
        int finished = output.Finish(terminal, quiet);
        if (!quiet)
            terminal.Next(TextLine.Command("info", finished == ExitCode.Ok ? output.Name : output.Directory));
        return code == ExitCode.Ok ? finished : code;
    }

    private static string Time(TimeSpan time) => Quantity.Duration((long)time.TotalNanoseconds);
}
