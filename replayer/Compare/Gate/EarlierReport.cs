using System.Text.Json;
using AllocReplay.Formats;

namespace AllocReplay.Replayer.Compare.Gate;

/// <summary>What an earlier comparison showed, read from the file that <c>compare --json</c> wrote: what later ones are held against.</summary>
public sealed class EarlierReport
{
    private const string Schema = "allocreplay.compare/2";
    private const double Confidence = 0.95;
    private const long LengthMax = 256 << 20;

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private readonly string _path;
    private readonly Report _report;

    private EarlierReport(string path, Report report) => (_path, _report) = (path, report);

    private sealed record Report(string Schema, IReadOnlyList<Row> Rows, IReadOnlyList<RunFigures> Runs);

    private sealed record Row(string Role, Named Allocator);

    private sealed record Named(string Name);

    /// <exception cref="TraceFormatException">It is not what <c>compare --json</c> writes.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static EarlierReport Read(string path)
    {
        using FileStream file = File.OpenRead(path);
        if (file.Length > LengthMax)
            throw new TraceFormatException(path, null, "no comparison is so large");
        Report? report;
        try
        {
            report = JsonSerializer.Deserialize<Report>(file, Json);
        }
        catch (JsonException e)
        {
            throw new TraceFormatException(path, null, $"line {e.LineNumber + 1}: not what compare --json writes");
        }
        bool isWhole = report is { Schema: Schema, Rows: not null, Runs: not null } && report.Rows.All(r => r?.Allocator?.Name is not null)
            && report.Runs.All(r => r?.Figures is not null);
        return isWhole
            ? new EarlierReport(path, report!)
            : throw new TraceFormatException(path, null, $"not what compare --json writes: expected the schema {Schema}");
    }

    /// <summary>
    /// Holds a comparison against this one: a figure of a configuration that both have is not to be worse by more than so much. Machines differ, and a
    /// machine does from hour to hour: what is compared is how a configuration stands to the first one, then and now, and the first one by itself only
    /// where nothing else is there.
    /// </summary>
    /// <param name="now">The comparison.</param>
    /// <param name="maxRegression">What may be worse, such as 0.05.</param>
    /// <exception cref="TraceFormatException">They have no configuration in common.</exception>
    public IReadOnlyList<GateFinding> Check(ComparisonReport now, double maxRegression)
    {
        bool isRelative = _report.Rows is [{ } first, ..] && first.Allocator.Name == now.Rows[0].Allocator.Name && now.Rows.Any(r => r.Role == Role.Compared);
        (ComparisonRow Row, int Now, int Then)[] common =
        [
            .. now.Rows.Select((row, i) => (row, i, _report.Rows.ToList().FindIndex(r => r.Role != "twin" && r.Allocator.Name == row.Allocator.Name)))
                .Where(c => c.Item3 >= 0 && (isRelative ? c.row.Role == Role.Compared : c.row.Role is Role.Baseline or Role.Compared)),
        ];
        if (common.Length == 0)
        {
            string names = string.Join(", ", now.Rows.Where(r => r.Role != Role.Twin).Select(r => r.Allocator.Name));
            throw new TraceFormatException(_path, null, $"it has none of these configurations: {names}");
        }
        return
        [
            .. from c in common
               from primary in now.Primary
               let metric = Metric.Of(primary.Metric)!
               select Check(c.Row.Allocator.Name, metric, RankOf(now.Runs, metric, c.Now, isRelative), RankOf(_report.Runs, metric, c.Then, isRelative),
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
        // The interval of the difference of two that know nothing of each other.
        double middle = n.Middle - t.Middle - Math.Log(limit);
        double down = Math.Sqrt(Square(n.Middle - n.Low) + Square(t.High - t.Middle)), up = Math.Sqrt(Square(n.High - n.Middle) + Square(t.Middle - t.Low));
        return GateFinding.Of(condition, new SignedRank(middle, middle - down, middle + up), failsAbove);
    }

    /// <summary>The logarithm of a row's figure, or of its ratio to the first row's; null where there is none.</summary>
    private static SignedRank? RankOf(IReadOnlyList<RunFigures> runs, Metric metric, int row, bool isRelative)
    {
        Dictionary<int, double> figures = FiguresOf(runs, metric, row), first = FiguresOf(runs, metric, 0);
        double[] values = [.. figures.Where(f => !isRelative || first.ContainsKey(f.Key)).Select(f => isRelative ? f.Value / first[f.Key] : f.Value)];
        return values.Length is 0 or > SignedRank.PairsMax || values.Any(v => !(v > 0) || !double.IsFinite(v))
            ? null
            : SignedRank.Of([.. values.Select(v => Math.Log(v))], 1 - Confidence);
    }

    private static Dictionary<int, double> FiguresOf(IReadOnlyList<RunFigures> runs, Metric metric, int row) =>
        runs.Where(r => r.Row == row && r.Figures.ContainsKey(metric.Name)).DistinctBy(r => r.Block).ToDictionary(r => r.Block, r => r.Figures[metric.Name]);

    private static double Square(double x) => x * x;
}
