using System.CommandLine;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;
using AllocReplay.Recorder.Doctor;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay doctor</c>: what would stop a recording, here or of a process.</summary>
internal static class DoctorCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<int?> pid = new("pid") { Description = "A process: whether it could be recorded, too.", Arity = ArgumentArity.ZeroOrOne };
        Option<string> directory = new("--directory")
        {
            Description = "Where the recording is to lie.",
            DefaultValueFactory = _ => ".",
            HelpName = "path",
        };
        Option<bool> json = TraceArguments.Json();
        var command = new Command("doctor", "Say what on this machine would stop a recording, or make it a lesser one.") { pid, directory, json };
        command.SetAction(parse => Run(parse.GetValue(pid), parse.GetValue(directory)!, parse.GetValue(json), terminal));
        return command;
    }

    /// <returns>4 where something stops a recording, or the process could only be recorded if it were started again.</returns>
    private static int Run(int? pid, string directory, bool json, Terminal terminal)
    {
        if (pid <= 0)
            throw new UsageException($"{pid} is no process id");
        if (!Directory.Exists(directory))
            throw new UsageException($"--directory: {directory}: no such directory");
        IReadOnlyList<Finding> machine = MachineExamination.Examine(Path.GetFullPath(directory)), process = pid is { } id ? ProcessExamination.Examine(id) : [];
        DoctorReport report = DoctorReport.Of(pid, machine, process);
        if (json)
            terminal.WriteJson("allocreplay.doctor/1", report);
        else
            DoctorPage.Print(report, terminal);
        return report.CanRecord && !report.IsOutOfReach() ? ExitCode.Ok : ExitCode.NotPossible;
    }
}
