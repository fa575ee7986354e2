using System.CommandLine;
using System.Globalization;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Replayer.Allocators;
using AllocReplay.Replayer.Compare;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;
using AllocReplay.Replayer.Run;
using Spectre.Console;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay compare</c>: one trace under several allocators, by a protocol whose figures stand up.</summary>
internal static class CompareCommand
{
    private const int RunsMin = 3;

    /// <summary>Below this a run takes a few milliseconds at most, and its figures say little.</summary>
    private const int FewCalls = 100_000;

    public static Command Create(Terminal terminal)
    {
        var choice = new TraceChoiceOptions();
        Option<string?> allocator = new("--allocator")
        {
            Description = "Allocators, by comma, the first to be compared with: names that 'allocators' lists, or name=path.so; "
                + "VARIABLE=value sets the environment of the one before. Default: all that are installed, and noop.",
            HelpName = "a,b,…",
        };
        Option<int> runs = new("--runs")
        {
            Description = "Blocks of runs that count, at least 3; each runs every allocator once. Fewer than 5 give no verdict.",
            HelpName = "n",
            DefaultValueFactory = _ => 5,
        };
        Option<int?> seed = new("--seed") { Description = "Seed of the order within blocks. Default: a new one, printed.", HelpName = "n" };
        Option<string> touch = ReplayArguments.Touch();
        Option<string?> maxLive = ReplayArguments.MaxLive();
        Option<bool> partial = TraceArguments.Partial();
        Option<bool> json = TraceArguments.Json();
        var command = new Command("compare", "Compare allocators on a trace: speed, CPU time and memory, with intervals.")
        {
            allocator, runs, seed, touch, maxLive, partial, json,
        };
        choice.AddTo(command);
        Interruptible.SetAction(command, terminal, (parse, token) => Run(
            new Request(
                choice.Of(parse), parse.GetValue(allocator), parse.GetValue(runs), parse.GetValue(seed),
                ReplayArguments.ParseTouch(parse.GetValue(touch)!), ReplayArguments.ParseMaxLive(parse.GetValue(maxLive)),
                parse.GetValue(partial), parse.GetValue(json)),
            terminal, token));
        return command;
    }

    private sealed record Request(
        TraceChoice Trace, string? Allocators, int Runs, int? Seed, TouchPolicy Touch, long? MaxLive, bool Partial, bool Json);

    /// <summary>What <c>--json</c> prints.</summary>
    private sealed record Report(
        string Trace, int Runs, int Seed, TouchPolicy Touch, string Order, long Calls, int Threads, ulong PeakLiveBytes,
        PlanCounts Plan, IReadOnlyList<ComparisonRow> Rows);

    private static int Run(Request request, Terminal terminal, CancellationToken token)
    {
        if (request.Runs < RunsMin)
            throw new UsageException($"--runs {request.Runs}: fewer than {RunsMin} runs have no spread");
        IReadOnlyList<Allocator> allocators = request.Allocators is { } list
            ? AllocatorCatalog.Parse(list)
            : [.. AllocatorCatalog.List().Select(e => e.Found).OfType<Allocator>()];
        int seed = request.Seed ?? Random.Shared.Next(1, 1_000_000);
        var source = new ReplayArguments.Source(request.Trace, request.Partial, request.MaxLive, new PlanOptions());
        using ReplayPlan plan = ReplayArguments.Compile(source, terminal, token);
        using ReplayPlan memoryPlan = ReplayArguments.CompileAgain(source with { Options = new PlanOptions { Order = ReplayOrder.Total } }, terminal, token);
        var comparison = new Comparison(plan, memoryPlan, allocators, new ComparisonOptions { Runs = request.Runs, Seed = seed, Touch = request.Touch });
        IReadOnlyList<ComparisonRow> rows = terminal.WithProgress($"Comparing {allocators.Count} allocators (seed {seed})", progress => comparison.Run(progress, token));
        if (request.Json)
        {
            terminal.WriteJson("allocreplay.compare/1", new Report(
                request.Trace.Path, request.Runs, seed, request.Touch, "deps", plan.Counts.Calls, plan.Expected.Count,
                plan.Trace.PeakLiveBytes, plan.Counts, rows));
        }
        else
        {
            Print(rows, plan, terminal);
        }
        terminal.Note($"{request.Runs} runs each after one to warm up, order shuffled by --seed {seed}; ± is half of max − min;");
        terminal.Note(request.Runs < 5 ? "fewer than 5 runs: ratios without a verdict." : "ratios with 95 % intervals.");
        if (plan.Counts.Calls < FewCalls)
            terminal.Note($"Only {Quantity.Count(plan.Counts.Calls)} calls: what differs is mostly start-up and the touching of memory, not the allocators.");
        foreach (ComparisonRow row in rows.Where(r => r.FailedNow > 0 || r.Divergences > 0))
            terminal.Note($"{row.Allocator.Name}: {Quantity.Count(row.FailedNow)} calls failed now, {Quantity.Count(row.Divergences)} had another outcome.");
        foreach (ComparisonRow row in rows.Where(r => r.Substituted.Count > 0))
            terminal.Note($"{row.Allocator.Name} has no {ReplayArguments.DescribeSubstitutions(row.Substituted)}; the nearest it has was called.");
        terminal.Next(TextLine.Command(["replay", .. request.Trace.Words, "--allocator", "NAME"]));
        return ExitCode.Ok;
    }

    private static void Print(IReadOnlyList<ComparisonRow> rows, ReplayPlan plan, Terminal terminal)
    {
        terminal.Line(
            $"{Quantity.Count(plan.Counts.Calls, "call")}, {Quantity.Count(plan.Expected.Count, "thread")}, peak live {Quantity.Bytes(plan.Trace.PeakLiveBytes)}");
        Table table = Terminal.NewTable(
            ("allocator", Justify.Left), ("M calls/s", Justify.Right), ("CPU ns/call", Justify.Right),
            ("peak RSS", Justify.Right), ("overhead", Justify.Right));
        foreach (ComparisonRow row in rows)
        {
            table.AddRow(
                Markup.Escape(row.Allocator.Name),
                Format(row.CallsPerSecond, 1e-6),
                Format(row.CpuNsPerCall, 1),
                row.PeakBytes is { } peak ? Quantity.Bytes(peak.Median) : "-",
                row.Overhead is { } overhead ? overhead.ToString("0.00", CultureInfo.InvariantCulture) + " ×" : "-");
        }
        terminal.Write(table);
        if (rows.Count < 2)
            return;
        Table ratios = Terminal.NewTable(
            ($"against {rows[0].Allocator.Name}", Justify.Left), ("speed", Justify.Left), ("peak RSS", Justify.Left));
        foreach (ComparisonRow row in rows.Skip(1))
            ratios.AddRow(Markup.Escape(row.Allocator.Name), Format(row.SpeedRatio, "faster", "slower"), Format(row.MemoryRatio, "more", "less"));
        terminal.Write(ratios);
    }

    private static string Format(Spread spread, double scale) =>
        string.Create(CultureInfo.InvariantCulture, $"{spread.Median * scale:0.00} ± {(spread.Max - spread.Min) / 2 * scale:0.00}");

    private static string Format(PairedRatio? ratio, string higher, string lower)
    {
        if (ratio is not { } r)
            return "-";
        string verdict = r.Verdict switch
        {
            Verdict.Higher => higher,
            Verdict.Lower => lower,
            _ => "no difference shown",
        };
        return string.Create(CultureInfo.InvariantCulture, $"{r.Median:0.00} ({r.Low:0.00}–{r.High:0.00}) {verdict}");
    }
}
