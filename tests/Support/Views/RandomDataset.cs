using System.Globalization;
using System.Numerics;
using AllocReplay.Analyzer.Passes;
using AllocReplay.Analyzer.Query;
using AllocReplay.Formats;

namespace AllocReplay.Tests.Support.Views;

/// <summary>Random process images of several hosts in one dataset, and the model of them: each view is held against it, row by row.</summary>
internal sealed class RandomDataset : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly DatasetQuery _query;
    private readonly List<ModelImage> _images = [];

    /// <param name="images">The process images.</param>
    /// <param name="seed">Of the parameters.</param>
    public RandomDataset(IReadOnlyList<RandomImage> images, int seed)
    {
        string dataset = _directory["data"];
        foreach (IGrouping<int, (RandomImage Image, int Index)> host in images.Select((image, i) => (image, i)).GroupBy(i => i.image.Host))
        {
            string recording = _directory[$"recording-{host.Key}"];
            foreach (((RandomImage image, int index), int number) in host.Select((image, i) => (image, i)))
                image.Write(recording, $"p{100 + number}.0", index);
            using Trace trace = Trace.Open(recording);
            Analysis.RunAllAsync(trace, null, new AnalysisOptions { Directory = dataset, Force = true }).GetAwaiter().GetResult();
            foreach (((RandomImage _, int index), int number) in host.Select((image, i) => (image, i)))
            {
                using TraceReader reader = trace.OpenImage($"p{100 + number}.0");
                _images.Add(new ModelImage(reader, RandomImage.Hosts[host.Key], index));
            }
        }
        _query = DatasetQuery.Open(dataset);
        Cases = CasesOf([.. _images.Where(i => i.Blocks.Count > 0)], new Random(seed));
    }

    /// <summary>Views with their parameters and the rows that are expected.</summary>
    public IReadOnlyList<ViewCase> Cases { get; }

    public void Dispose()
    {
        _query.Dispose();
        _directory.Dispose();
    }

    /// <summary>The first difference between the rows of a view and those that are expected; null where there is none.</summary>
    /// <param name="view">The view and its parameters.</param>
    /// <param name="change">Changes the statement.</param>
    public string? Difference(ViewCase view, Func<string, string>? change = null)
    {
        string sql = NamedView.Find(view.Name).With(view.Settings);
        using QueryResult result = _query.Run(change?.Invoke(sql) ?? sql);
        object?[][] actual = [.. result.ReadRows()];
        for (int i = 0; i < Math.Max(actual.Length, view.Rows.Count); i++)
        {
            if (i >= actual.Length || i >= view.Rows.Count || !AreSame(view.Rows[i], actual[i]))
            {
                return $"{view.Name} {string.Join(' ', view.Settings)}, row {i} of {view.Rows.Count}:\nexpected {Line(view.Rows.ElementAtOrDefault(i))}\n"
                    + $"found    {Line(actual.ElementAtOrDefault(i))}";
            }
        }
        return null;
    }

    private bool AreSame(object?[] expected, object?[] actual) =>
        expected.Length == actual.Length && expected.Zip(actual).All(v =>
            v.First is ModelBlock[] blocks ? AreListed(blocks, (string)v.Second!)
            : v.First is double d ? Math.Abs(d - Convert.ToDouble(v.Second, CultureInfo.InvariantCulture)) <= 1e-9 * Math.Abs(d)
            : Told(v.First) == Told(v.Second));

    /// <summary>Whether a statement lists just these blocks.</summary>
    private bool AreListed(ModelBlock[] blocks, string sql)
    {
        using QueryResult result = _query.Run($"SELECT host, process, object FROM ({sql})");
        return blocks.Select(b => $"{b.Image.Host} {b.Image.Process} {b.Object}").Order()
            .SequenceEqual(result.ReadRows().Select(r => string.Join(' ', r)).Order());
    }

    private static string Told(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "NULL";

    private static string Line(object?[]? row) =>
        row is null ? "none" : string.Join('|', row.Select(v => v is ModelBlock[] b ? $"{b.Length} blocks" : Told(v)));

    /// <summary>Each view with its defaults, and where it has parameters with others: moments and limits that are those of blocks, met exactly.</summary>
    private List<ViewCase> CasesOf(IReadOnlyList<ModelImage> images, Random random)
    {
        var model = new ModelView(images);
        ModelBlock[] blocks = [.. images.SelectMany(i => i.Blocks)];
        long[] begins = [0, .. blocks.Select(b => b.Ns)], ends = [0, .. blocks.Where(b => !b.IsAlive).Select(b => b.EndNs)];
        long from = Any(ends), to = Any(begins), other = Any(begins) / 2 + Any(ends) / 2, least = Any([.. blocks.Select(b => b.Size).DefaultIfEmpty()]);
        int count = random.Next(1, 7), steps = random.Next(4), pairs = random.Next(1, 4);
        decimal tolerance = random.Next(5) / 4m;
        List<ViewCase> cases =
        [
            new("between_times", [], model.BetweenTimes(0, null)),
            new("between_times", [$"from={from}ns"], model.BetweenTimes(from, null)),
            new("between_times", [$"from={from}ns", $"to={to}ns"], model.BetweenTimes(from, to)),
            new("between_times", [$"from={to}ns", $"to={other}ns"], model.BetweenTimes(to, other)),
            new("between_times", ["to=0"], model.BetweenTimes(0, 0)),
            new("cross_thread_frees", [], model.CrossThreadFrees(1)),
            new("cross_thread_frees", [$"min_blocks={pairs}"], model.CrossThreadFrees(pairs)),
            new("fragmentation", [], new ModelView(_images).Fragmentation(MomentsOf)), // of images without a block too
            new("growth_by_site", [], model.GrowthBySite()),
            new("leak_suspects", [], model.LeakSuspects(0.05m, 0)),
            new("lifetime_histogram", [], model.LifetimeHistogram()),
            new("live_at", [], model.LiveAt(null, 0)),
            new("live_at", [$"t={from}ns"], model.LiveAt(from, 0)),
            new("live_at", [$"t={to}ns"], model.LiveAt(to, 0)),
            new("live_at", ["t=0"], model.LiveAt(0, 0)),
            new("live_at_peak", [], model.LiveAtPeak()),
            new("outstanding", [], model.Outstanding()),
            new("outstanding_by_line", [], model.OutstandingByLine()),
            new("outstanding_by_site", [], model.OutstandingBySite()),
            new("peak", [], model.Peak()),
            new("realloc_chains", [], model.ReallocChains(1, 0)),
            new("realloc_chains", [$"min_steps={steps}", $"min_bytes={least}"], model.ReallocChains(steps, least)),
            new("size_histogram", [], model.SizeHistogram()),
            new("temporary", [], model.Temporary(1)),
            new("temporary", [$"n={count}"], model.Temporary(count)),
            new("temporary_by_site", [], model.TemporaryBySite()),
            new("thread_summary", [], model.ThreadSummary()),
            new("top_sites", [], model.TopSites()),
        ];
        least = Any(Column(cases, "live_at", 4));
        cases.Add(new("live_at", [$"min_bytes={least}"], model.LiveAt(null, least)));
        cases.Add(new("live_at", [$"t={other}ns", $"min_bytes={least}"], model.LiveAt(other, least)));
        least = Any(Column([new("leak_suspects", [], model.LeakSuspects(tolerance, 0))], "leak_suspects", 10));
        string setting = string.Create(CultureInfo.InvariantCulture, $"tolerance={tolerance}");
        return [.. cases, new("leak_suspects", [setting, $"min_bytes={least}"], model.LeakSuspects(tolerance, least))];

        T Any<T>(T[] of) => of[random.Next(of.Length)];
    }

    /// <summary>That these are right is for the tests of <c>timeline</c>.</summary>
    private long[] MomentsOf(ModelImage image)
    {
        using QueryResult result = _query.Run(
            $"SELECT ns FROM timeline WHERE scope = 'process' AND host = {Sql.Literal(image.Host)} AND process = '{image.Process}' ORDER BY ns");
        return [.. result.ReadRows().Select(r => (long)r[0]!)];
    }

    /// <summary>The bytes of the rows of a view, as far as a parameter can be so many; never none.</summary>
    private static long[] Column(IEnumerable<ViewCase> cases, string view, int column) =>
    [
        0, .. cases.Where(c => c.Name == view).SelectMany(c => c.Rows).Select(r => (BigInteger)r[column]!).Where(b => b <= long.MaxValue).Select(b => (long)b),
    ];
}

/// <summary>A view, its parameters and the rows that it should have.</summary>
internal sealed class ViewCase(string name, string[] settings, IEnumerable<object?[]> rows)
{
    public string Name => name;
    public IReadOnlyList<string> Settings => settings;
    public IReadOnlyList<object?[]> Rows { get; } = [.. rows];
}
