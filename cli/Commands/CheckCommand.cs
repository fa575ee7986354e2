using System.CommandLine;
using AllocReplay.Analyzer.Check;
using AllocReplay.Analyzer.Export;
using AllocReplay.Analyzer.Query;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay check</c>: a dataset against limits, for a build that is to fail.</summary>
internal static class CheckCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string> dataset = new("dataset") { Description = DatasetOperand.Description };
        var limits = new CheckArguments();
        Option<string[]> process = new("--process")
        {
            Description = "Process image to judge (pPID.N); may be given again. Default: each, by itself.",
            HelpName = "image",
        };
        Option<string?> junit = new("--junit") { Description = "Write what was found as JUnit's XML.", HelpName = "file" };
        Option<bool> github = new("--github") { Description = "Print findings as annotations of GitHub Actions." };
        Option<bool> force = new("--force") { Description = "Replace the file of --junit if it is already there." };
        Option<bool> json = TraceArguments.Json();
        var command = new Command("check", "Hold what a program allocates against limits, or an earlier run: exit code 1 where it is more.") { dataset };
        limits.AddTo(command);
        foreach (Option option in new Option[] { process, junit, github, force, json })
            command.Options.Add(option);
        var symbols = new SymbolArguments();
        symbols.AddTo(command);
        Interruptible.SetAction(command, terminal, (parse, token) =>
        {
            if (parse.GetValue(json) && parse.GetValue(github))
                throw new UsageException("--json and --github exclude each other");
            CheckLimits asked = limits.Of(parse, token);
            OutputFile? file = parse.GetValue(junit) is { } name ? new OutputFile(name, parse.GetValue(force)) : null;
            file?.Refuse();
            using DatasetOperand operand = DatasetOperand.Open(parse.GetValue(dataset)!, parse, symbols, terminal, token);
            IReadOnlyList<DatasetProcess> images = operand.Images(parse.GetValue(process) ?? []);
            string? baseline = limits.BaselineOf(parse);
            using DatasetOperand? before = baseline is null ? null : DatasetOperand.Open(baseline, parse, symbols, terminal, token);
            CheckReport report = DatasetCheck.Run(operand.Path, operand.Query, images, asked with { Baseline = before?.Query }, token);
            if (file is { } target)
                Write(report, Conditions(asked, before is not null), operand.Path, target, terminal);
            if (parse.GetValue(json))
                terminal.WriteJson("allocreplay.check/1", report);
            else
                Print(report, parse.GetValue(github), terminal);
            foreach (string warning in CheckLine.Warnings(report, before is not null))
                terminal.Note($"allocreplay: warning: {warning}");
            if (CheckLine.Suppressions(report) is { } suppressed)
                terminal.Note($"allocreplay: {suppressed}");
            return report.Passed ? ExitCode.Ok : ExitCode.Failed;
        });
        return command;
    }

    private static void Print(CheckReport report, bool github, Terminal terminal)
    {
        if (report.Passed)
            terminal.Line(CheckLine.Passed(report));
        foreach (CheckFinding finding in report.Findings)
        {
            string name = CheckLine.NameOf(report, finding.Host, finding.Process);
            terminal.Line(github ? CheckAnnotations.Of(finding, name, Environment.GetEnvironmentVariable("GITHUB_WORKSPACE")) : CheckLine.Of(finding, name));
        }
    }

    private static void Write(CheckReport report, IReadOnlyList<CheckCondition> conditions, string dataset, OutputFile file, Terminal terminal)
    {
        OutputFileWriter.Write(file.Name, file.Force, output =>
        {
            CheckJUnit.Write(report, conditions, dataset, output);
            return true;
        });
        terminal.Note($"allocreplay: wrote {file.Name}");
    }

    /// <summary>What was asked for, in the order of the options.</summary>
    private static CheckCondition[] Conditions(CheckLimits limits, bool hasBaseline) =>
    [
        .. limits.MaxPeak is null ? (CheckCondition[])[] : [CheckCondition.MaxPeak],
        .. limits.MaxOutstanding is null ? (CheckCondition[])[] : [CheckCondition.MaxOutstanding],
        .. limits.MaxOutstandingPerSite is null ? (CheckCondition[])[] : [CheckCondition.MaxOutstandingPerSite],
        .. limits.MaxGrowth is null ? (CheckCondition[])[] : [CheckCondition.MaxGrowth],
        .. hasBaseline ? [CheckCondition.Baseline] : (CheckCondition[])[],
    ];
}
