using System.CommandLine;
using AllocReplay.Analyzer.Diff;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay diff</c>: two runs, or two parts of one, site by site.</summary>
internal static class DiffCommand
{
    /// <summary>Rows that a terminal table shows unless <c>--limit</c> says otherwise.</summary>
    private const int TerminalRows = 30;

    public static Command Create(Terminal terminal)
    {
        Argument<string> a = new("a") { Description = DatasetOperand.Description };
        Argument<string?> b = new("b")
        {
            Description = "What it is compared with, likewise. Default: the first, of which two parts are then named.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var sides = new DiffSideOptions();
        Option<string> sort = new("--sort")
        {
            Description = "What grew most comes first: of outstanding, peak, bytes, blocks or lifetime.",
            HelpName = "figure",
            DefaultValueFactory = _ => "outstanding",
        };
        sort.AcceptOnlyFromAmong([.. DiffReport.Keys.Keys]);
        Option<int?> limit = new("--limit")
        {
            Description = $"Print at most this many sites. Default: {TerminalRows} in a table, all in JSON and CSV.",
            HelpName = "n",
        };
        Option<bool> csv = new("--csv") { Description = "Print CSV, with text as it was recorded, whatever a terminal makes of it." };
        Option<bool> json = TraceArguments.Json();
        var command = new Command("diff", "Compare two runs, or two parts of one, by the call sites that allocate.") { a, b };
        sides.AddTo(command);
        foreach (Option option in new Option[] { sort, limit, csv, json })
            command.Options.Add(option);
        var symbols = new SymbolArguments();
        symbols.AddTo(command);
        Interruptible.SetAction(command, terminal, (parse, token) =>
        {
            if (parse.GetValue(json) && parse.GetValue(csv))
                throw new UsageException("--json and --csv exclude each other");
            if (parse.GetValue(limit) < 0)
                throw new UsageException("--limit: expected 0 or more");
            string? second = parse.GetValue(b);
            sides.Check(parse, second is not null);
            using DatasetOperand first = DatasetOperand.Open(parse.GetValue(a)!, parse, symbols, terminal, token);
            using DatasetOperand? other = second is null ? null : DatasetOperand.Open(second, parse, symbols, terminal, token);
            DatasetSide sideA = sides.Of(parse, 0, first, terminal), sideB = sides.Of(parse, 1, other ?? first, terminal);
            DiffReport report = DiffReport.Of(first.Path, sideA, (other ?? first).Path, sideB, parse.GetValue(sort)!);
            int most = parse.GetValue(limit) ?? int.MaxValue;
            if (parse.GetValue(json))
                terminal.WriteJson("allocreplay.diff/1", report with { Sites = [.. report.Sites.Take(most)] });
            else if (parse.GetValue(csv))
                DiffCsv.Write(report.Sites.Take(most), terminal.Out);
            else
                DiffPage.Print(report, parse.GetValue(limit) ?? TerminalRows, parse.GetValue(limit) is null, terminal);
            (string Path, DatasetSide Side)[] both = [(first.Path, sideA), ((other ?? first).Path, sideB)];
            foreach (string note in both.SelectMany(s => ImageNotes.Of(s.Side.Process, s.Path)).Distinct())
                terminal.Note(note);
            string[] without = [.. both.Where(s => !s.Side.Process.HasStacks).Select(s => s.Path).Distinct()];
            if (without.Length > 0)
                terminal.Note($"{string.Join(" and ", without)}: no call stacks, so that all is one site: record with 'allocreplay record --stacks auto'.");
            return ExitCode.Ok;
        });
        return command;
    }
}
