using System.Text.Json;
using AllocReplay.Formats;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Replayer.Compare.Gate;

/// <summary>What an earlier comparison showed, read from the file that <c>compare --json</c> wrote: what later ones are held against.</summary>
public sealed class EarlierReport
{
    private const string SchemaOfOne = "allocreplay.compare/2", SchemaOfSeveral = "allocreplay.compare_all/1";
    private const double Confidence = 0.95;
    private const long LengthMax = 256 << 20;

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private readonly string _path;
    private readonly bool _isOfOne;
    private readonly IReadOnlyDictionary<string, Report> _reports; // by name of the trace

    private EarlierReport(string path, bool isOfOne, IReadOnlyDictionary<string, Report> reports) => (_path, _isOfOne, _reports) = (path, isOfOne, reports);

    /// <summary>Either of one trace, or of several.</summary>
    private sealed record Document(
        string Schema, string? Trace, long? Calls, string? Touch, IReadOnlyList<Row>? Rows, IReadOnlyList<RunFigures>? Runs, IReadOnlyList<OfTrace>? Traces);

    private sealed record OfTrace(string Name, Report? Report);

    private sealed record Report(IReadOnlyList<Row> Rows, IReadOnlyList<RunFigures> Runs, long? Calls = null, string? Touch = null)
    {
        public IEnumerable<string> Names => Rows.Where(r => r.Role != "twin").Select(r => r.Allocator.Name);

        /// <summary>What JSON says may be anything.</summary>
        public bool IsWhole => Rows is not null && Runs is not null && Rows.All(r => r?.Allocator?.Name is not null) && Runs.All(r => r?.Figures is not null);
    }

    private sealed record Row(string Role, Named Allocator);

    private sealed record Named(string Name);

    /// <exception cref="TraceFormatException">It is not what <c>compare --json</c> writes.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static EarlierReport Read(string path)
    {
        if (path.Length == 0)
            throw new ReplayException(ReplayFailure.Usage, "--baseline: expected a file name, found none");
        if (!File.Exists(path))
            throw new TraceFormatException(path, null, Directory.Exists(path) ? "a directory; expected what compare --json wrote" : "no such file");
        using FileStream file = File.OpenRead(path);
        using var content = new MemoryStream(); // a pipe tells no length
        byte[] part = new byte[1 << 16];
        for (int length; (length = file.Read(part)) > 0; content.Write(part, 0, length))
            if (content.Length > LengthMax)
                throw new TraceFormatException(path, null, "no comparison is so large");
        Document? document;
        try
        {
            document = JsonSerializer.Deserialize<Document>(content.GetBuffer().AsSpan(0, (int)content.Length), Json);
        }
        catch (JsonException e)
        {
            throw new TraceFormatException(path, null, $"line {e.LineNumber + 1}: not what compare --json writes");
        }
        (string Name, Report Report)[]? found = document?.Schema switch
        {
            SchemaOfOne => [(NameOf(document.Trace ?? ""), new Report(document.Rows!, document.Runs!, document.Calls, document.Touch))],
            SchemaOfSeveral when document.Traces?.All(t => t?.Name is not null) == true =>
                [.. document.Traces.Where(t => t.Report is not null).DistinctBy(t => t.Name).Select(t => (t.Name, t.Report!))],
            _ => null,
        };
        return found?.All(f => f.Report.IsWhole) == true
            ? new EarlierReport(path, document!.Schema == SchemaOfOne, found.ToDictionary(f => f.Name, f => f.Report))
            : throw new TraceFormatException(
                path, null, $"not what compare --json writes: expected the schema {SchemaOfOne}, or {SchemaOfSeveral} of several traces");
    }

    /// <summary>Makes sure that a comparison of one trace can be held against this, before the trace is read.</summary>
    /// <param name="trace">Name of what is compared. A file of one trace is held against whatever is: it may lie elsewhere.</param>
    /// <param name="touch">What is written into new blocks.</param>
    /// <param name="configurations">What is compared.</param>
    /// <exception cref="TraceFormatException">It is not of this trace, was made in another way, or has none of what is compared.</exception>
    public void RequireOne(string trace, TouchPolicy touch, IReadOnlyList<Configuration> configurations) =>
        RequireLike(ReportOf(trace) ?? throw WithoutTraces([trace]), touch, configurations);

    private void RequireLike(Report earlier, TouchPolicy touch, IReadOnlyList<Configuration> configurations)
    {
        if (earlier.Touch is { } touched && touched != ValueName.Of(touch))
            throw Unlike($"it was made with --touch {touched}, this is --touch {ValueName.Of(touch)}");
        string[] now = LabelsOf(configurations);
        string first = earlier.Names.First();
        if (now.Length > 1 && first != now[0])
            throw Unlike($"figures are held against it relative to its first configuration, {first}; put that first here, too, not {now[0]}");
        if (!now.Skip(now.Length > 1 ? 1 : 0).Any(earlier.Names.Contains))
            throw Unlike($"it has none of what is compared here: {string.Join(", ", now.Length > 1 ? now.Skip(1) : now)}");
    }

    private static string[] LabelsOf(IReadOnlyList<Configuration> configurations) =>
        [.. configurations.Where(c => !c.Allocator.IsReference).Select(c => c.Label)];

    private Report? ReportOf(string trace) => _isOfOne ? _reports.Values.First() : _reports.GetValueOrDefault(NameOf(trace));

    /// <summary>Makes sure that a comparison of one trace is of the one that this is of, if this is of one trace.</summary>
    /// <param name="calls">Calls of the trace that is compared.</param>
    /// <param name="configurations">What is compared.</param>
    /// <returns>What is not held against anything, a line each.</returns>
    /// <exception cref="TraceFormatException">It is of another trace.</exception>
    public IEnumerable<string> Require(long calls, IReadOnlyList<Configuration> configurations)
    {
        if (!_isOfOne)
            return [];
        (string trace, Report earlier) = (_reports.Keys.First(), _reports.Values.First());
        if (earlier.Calls is { } then && then != calls)
            throw Unlike($"it is of another trace: {trace} has {then:N0} calls, this one {calls:N0}");
        string[] now = LabelsOf(configurations);
        return
        [
            .. now.Where(n => !earlier.Names.Contains(n)).Select(n => $"{n} is not in {_path}: it is held against nothing"),
            .. earlier.Rows.Where(r => r.Role is "baseline" or "compared" && !now.Contains(r.Allocator.Name))
                .Select(r => $"{r.Allocator.Name} is in {_path}, and not here"),
            .. now.Length == 1 ? (string[])[$"{now[0]} stands alone: it is held against the same on whatever machine {_path} was made"] : [],
        ];
    }

    /// <summary>Makes sure that there is something to hold a comparison of several traces against.</summary>
    /// <param name="traces">Names of what is compared.</param>
    /// <param name="touch">What is written into new blocks.</param>
    /// <param name="configurations">What is compared.</param>
    /// <exception cref="TraceFormatException">It has none of them, was made in another way, or has none of what is compared.</exception>
    public void Require(IReadOnlyList<string> traces, TouchPolicy touch, IReadOnlyList<Configuration> configurations)
    {
        Report[] earlier = [.. traces.Select(t => _reports.GetValueOrDefault(t)).OfType<Report>()];
        if (earlier.Length == 0)
            throw WithoutTraces(traces);
        foreach (Report one in earlier)
            RequireLike(one, touch, configurations);
    }

    /// <summary>Holds one trace of several against what this has of the trace of that name.</summary>
    /// <param name="trace">Name of the trace.</param>
    /// <param name="now">The comparison of it.</param>
    /// <param name="maxRegression">What may be worse, such as 0.05.</param>
    /// <exception cref="TraceFormatException">They have no configuration in common.</exception>
    public IReadOnlyList<GateFinding> CheckOne(string trace, ComparisonReport now, double maxRegression) =>
        _reports.TryGetValue(trace, out Report? then) ? Check(then, now, maxRegression) : [GateFinding.WithoutBaseline(trace)];

    /// <summary>
    /// Holds a comparison against this one: a figure of a configuration that both have is not to be worse by more than so much. Machines differ, and a
    /// machine does from hour to hour: what is compared is how a configuration stands to the first one, then and now, and the first one by itself only
    /// where nothing else is there.
    /// </summary>
    /// <param name="now">The comparison.</param>
    /// <param name="maxRegression">What may be worse, such as 0.05.</param>
    /// <exception cref="TraceFormatException">
    /// They have no configuration in common; or this is of several traces, and not of that one.
    /// </exception>
    public IReadOnlyList<GateFinding> Check(ComparisonReport now, double maxRegression)
    {
        return ReportOf(now.Trace) is { } then ? Check(then, now, maxRegression) : throw WithoutTraces([NameOf(now.Trace)]);
    }

    private IReadOnlyList<GateFinding> Check(Report earlier, ComparisonReport now, double maxRegression)
    {
        bool isRelative = earlier.Rows is [{ } first, ..] && first.Allocator.Name == now.Rows[0].Allocator.Name && now.Rows.Any(r => r.Role == Role.Compared);
        (ComparisonRow Row, int Now, int Then)[] common =
        [
            .. now.Rows.Select((row, i) => (row, i, earlier.Rows.ToList().FindIndex(r => r.Role != "twin" && r.Allocator.Name == row.Allocator.Name)))
                .Where(c => c.Item3 >= 0 && (isRelative ? c.row.Role == Role.Compared : c.row.Role is Role.Baseline or Role.Compared)),
        ];
        if (common.Length == 0)
        {
            string names = string.Join(", ", now.Rows.Where(r => isRelative ? r.Role == Role.Compared : r.Role != Role.Twin).Select(r => r.Allocator.Name));
            throw Unlike($"it has none of these configurations: {names}");
        }
        return
        [
            .. from c in common
               from primary in now.Primary
               let metric = Metric.Of(primary.Metric)!
               select Check(c.Row.Allocator.Name, metric, RankOf(now.Runs, metric, c.Now, isRelative), RankOf(earlier.Runs, metric, c.Then, isRelative),
                   isRelative ? now.Rows[0].Allocator.Name : null, maxRegression),
        ];
    }

    private static GateFinding Check(string name, Metric metric, SignedRank? now, SignedRank? then, string? first, double maxRegression)
    {
        bool failsAbove = metric.Better == Better.Lower;
        double limit = failsAbove ? 1 + maxRegression : 1 - maxRegression;
        string condition = FormattableString.Invariant(
            $"{name}.{metric.Name}{(first is null ? "" : $" / {first}.{metric.Name}")} {(failsAbove ? '>' : '<')} {limit:0.###} * the baseline's");
        if (now is not { } n || then is not { } t)
            return GateFinding.Without(condition);
        SignedRank change = IndependentSum.Of([(1, n), (-1, t)]);
        double shift = Math.Log(limit);
        return GateFinding.Of(condition, new SignedRank(change.Middle - shift, change.Low - shift, change.High - shift), failsAbove);
    }

    /// <summary>The logarithm of a row's figure, or of its ratio to the first row's; null where there is none.</summary>
    private static SignedRank? RankOf(IReadOnlyList<RunFigures> runs, Metric metric, int row, bool isRelative)
    {
        Dictionary<int, double> figures = FiguresOf(runs, metric, row), first = FiguresOf(runs, metric, 0);
        // As the report itself has the ratio, by turns; one without it has the figures.
        Dictionary<int, double> ratios = runs.Where(r => r.Row == row && r.Ratios?.ContainsKey(metric.Name) == true).DistinctBy(r => r.Block)
            .ToDictionary(r => r.Block, r => r.Ratios[metric.Name]);
        double[] values = !isRelative ? [.. figures.Values] : ratios.Count > 0 ? [.. ratios.Values]
            : [.. figures.Where(f => first.ContainsKey(f.Key)).Select(f => f.Value / first[f.Key])];
        return values.Length is 0 or > SignedRank.PairsMax || values.Any(v => !(v > 0) || !double.IsFinite(v))
            ? null
            : SignedRank.Of([.. values.Select(v => Math.Log(v))], 1 - Confidence);
    }

    private TraceFormatException Unlike(string why) => new(_path, null, why);

    private TraceFormatException WithoutTraces(IReadOnlyList<string> traces) => new(
        _path, null, $"it has none of these traces: {string.Join(", ", traces)}; it has {string.Join(", ", _reports.Keys)}");

    private static string NameOf(string trace) => Path.GetFileName(Path.TrimEndingDirectorySeparator(trace));

    private static Dictionary<int, double> FiguresOf(IReadOnlyList<RunFigures> runs, Metric metric, int row) =>
        runs.Where(r => r.Row == row && r.Figures.ContainsKey(metric.Name)).DistinctBy(r => r.Block).ToDictionary(r => r.Block, r => r.Figures[metric.Name]);
}
