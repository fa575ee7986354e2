using System.Globalization;

namespace AllocReplay.Replayer.Compare.Gate;

/// <summary>
/// What is to fail a comparison, as <c>jemalloc.p99 > 1.1 * glibc.p99</c>: on each side a number, or a configuration's figure, which a number may stand
/// before.
/// </summary>
public sealed class Condition
{
    internal const double Confidence = 0.95;

    /// <summary>What a unit is of; a number without one, or with one of counting, goes with every figure.</summary>
    private enum Kind
    {
        Number,
        Memory,
        Time,
    }

    private static readonly (string Suffix, double Factor, Kind Kind)[] Units =
    [
        ("KiB", 1 << 10, Kind.Memory), ("MiB", 1 << 20, Kind.Memory), ("GiB", 1 << 30, Kind.Memory), ("ns", 1, Kind.Time), ("us", 1e3, Kind.Time),
        ("µs", 1e3, Kind.Time), ("ms", 1e6, Kind.Time), ("%", 0.01, Kind.Number), ("k", 1e3, Kind.Number), ("M", 1e6, Kind.Number), ("G", 1e9, Kind.Number),
        ("s", 1e9, Kind.Time), ("", 1, Kind.Number),
    ];

    private readonly Side _left, _right;
    private readonly bool _isAbove;

    private Condition(string text, Side left, Side right, bool isAbove) => (Text, _left, _right, _isAbove) = (text, left, right, isAbove);

    /// <summary>As it was written.</summary>
    public string Text { get; }

    /// <param name="Factor">What the figure is multiplied with; the number itself where there is no figure.</param>
    /// <param name="Configuration">Name of the configuration, or null.</param>
    /// <param name="Metric">The figure, or null.</param>
    /// <param name="Kind">What the number's unit is of.</param>
    private readonly record struct Side(double Factor, string? Configuration, Metric? Metric, Kind Kind = Kind.Number);

    /// <summary>The figures that it is about.</summary>
    public IEnumerable<Metric> Metrics => new[] { _left.Metric, _right.Metric }.OfType<Metric>().Distinct();

    /// <exception cref="ReplayException">It is none.</exception>
    public static Condition Parse(string text)
    {
        int at = IndexOf(text, '<', '>');
        if (at < 0)
            throw Wrong(text, "expected > or < between two figures, such as jemalloc.p99 > 1.1 * glibc.p99");
        int length = at + 1 < text.Length && text[at + 1] == '=' ? 2 : 1; // no interval ends just at a limit: >= is as >
        Side left = ParseSide(text, text[..at].Trim()), right = ParseSide(text, text[(at + length)..].Trim());
        if (left.Metric is null && right.Metric is null)
            throw Wrong(text, "neither side is a figure such as jemalloc.p99");
        if (left.Metric is { } l && right.Metric is { } r && l.Pass != r.Pass)
            throw Wrong(text, $"{l.Name} and {r.Name} are not of the same runs");
        RequireUnit(text, left, right.Metric);
        RequireUnit(text, right, left.Metric);
        return new Condition(text.Trim(), left, right, text[at] == '>');
    }

    /// <summary>Makes sure that what it is about will be in a comparison.</summary>
    /// <param name="configurations">Names of what is compared.</param>
    /// <exception cref="ReplayException">It names one that is not.</exception>
    public void Require(IReadOnlyList<string> configurations)
    {
        string? missing = new[] { _left.Configuration, _right.Configuration }.OfType<string>().FirstOrDefault(c => !configurations.Contains(c));
        if (missing is not null)
            throw Wrong(Text, $"no configuration is called {missing}; there are {string.Join(", ", configurations)}");
    }

    /// <summary>What a comparison's runs say of it, which has what it is about.</summary>
    public GateFinding Check(ComparisonReport report)
    {
        Dictionary<int, RunFigures>? left = RunsOf(_left, report), right = RunsOf(_right, report);
        int[] blocks = [.. (left ?? right)!.Keys.Where(b => (right ?? left)!.ContainsKey(b)).Order()];
        double factor = PairedStatistics.LogRatio(_left.Factor, _right.Factor);
        double[] ratios = [.. blocks.Select(b => factor + LogRatio(left?[b], right?[b]))];
        if (ratios.Length == 0 && left is not null && right is not null && _left.Metric == _right.Metric)
            return ThroughTheFirst(left.Values, right.Values, factor);
        return ratios.Length == 0 || ratios.Any(double.IsNaN)
            ? GateFinding.Without(Text)
            : GateFinding.Of(Text, SignedRank.Of(ratios, 1 - Confidence), _isAbove);
    }

    /// <summary>Two that never ran in one block, as there were too many: each stands to the first configuration, and so to the other.</summary>
    private GateFinding ThroughTheFirst(IEnumerable<RunFigures> left, IEnumerable<RunFigures> right, double factor)
    {
        string metric = _left.Metric!.Name;
        double[] lefts = LogRatios(left), rights = LogRatios(right);
        if (lefts.Length == 0 || rights.Length == 0)
            return GateFinding.Without(Text);
        SignedRank ratio = IndependentSum.Of([(1, SignedRank.Of(lefts, 1 - Confidence)), (-1, SignedRank.Of(rights, 1 - Confidence))]);
        return GateFinding.Of(Text, new SignedRank(ratio.Middle + factor, ratio.Low + factor, ratio.High + factor), _isAbove);

        double[] LogRatios(IEnumerable<RunFigures> runs) => [.. runs.Where(r => r.Ratios.ContainsKey(metric)).Select(r => Math.Log(r.Ratios[metric]))];
    }

    /// <summary>Of the figures of two runs of a block; of a number and a figure, as if the number had been 1.</summary>
    private double LogRatio(RunFigures? left, RunFigures? right) => PairedStatistics.LogRatio(
        left?.Figures[_left.Metric!.Name] ?? 1, right?.Figures[_right.Metric!.Name] ?? 1,
        left?.Turns.GetValueOrDefault(_left.Metric!.Name), right?.Turns.GetValueOrDefault(_right.Metric!.Name));

    /// <summary>By block; null of a number.</summary>
    private static Dictionary<int, RunFigures>? RunsOf(Side side, ComparisonReport report)
    {
        if (side.Metric is not { } metric)
            return null;
        int row = report.Rows.ToList().FindIndex(r => r.Role != Role.Twin && r.Allocator.Name == side.Configuration);
        return report.Runs.Where(r => r.Row == row && r.Figures.ContainsKey(metric.Name)).ToDictionary(r => r.Block);
    }

    /// <summary>A number's unit is to be that of the figure on the other side; one before a figure has none.</summary>
    private static void RequireUnit(string text, Side side, Metric? other)
    {
        if (side.Kind == Kind.Number)
            return;
        if (side.Metric is { } own)
            throw Wrong(text, $"what stands before {own.Name} is a factor, and has no unit");
        Kind kind = other!.Unit switch
        {
            MetricUnit.Bytes => Kind.Memory,
            MetricUnit.Nanoseconds or MetricUnit.NanosecondsPerCall => Kind.Time,
            _ => Kind.Number,
        };
        if (kind != side.Kind)
            throw Wrong(text, $"{other.Name} is no {(side.Kind == Kind.Memory ? "memory" : "time")}");
    }

    /// <summary>Outside of quotes.</summary>
    private static int IndexOf(string text, params ReadOnlySpan<char> sought)
    {
        bool quoted = false;
        for (int i = 0; i < text.Length; i++)
        {
            quoted ^= text[i] == '"';
            if (!quoted && sought.Contains(text[i]))
                return i;
        }
        return -1;
    }

    private static Side ParseSide(string text, string side)
    {
        int star = IndexOf(side, '*');
        string head = star > 0 ? side[..star].Trim() : side;
        if (ParseNumber(head) is not { } number)
            return star > 0 ? throw Wrong(text, $"{head}: expected a number") : ParseFigure(text, side, factor: 1);
        return star > 0
            ? ParseFigure(text, side[(star + 1)..].Trim(), number.Value) with { Kind = number.Kind }
            : new Side(number.Value, null, null, number.Kind);
    }

    private static Side ParseFigure(string text, string figure, double factor)
    {
        int dot = figure.LastIndexOf('.');
        if (dot <= 0)
            throw Wrong(text, $"{figure}: expected a configuration and a figure of it, such as jemalloc.p99");
        string name = figure[..dot].Trim(), metric = figure[(dot + 1)..].Trim();
        // Quotes around all of it; a name may have some of its own.
        if (name.Length > 2 && name[0] == '"' && name[^1] == '"')
            name = name[1..^1];
        return new Side(factor, name, Metric.Of(metric)
            ?? throw Wrong(text, $"no figure is called {metric}; known: {string.Join(", ", Metric.All.Select(m => m.Name))}"));
    }

    private static (double Value, Kind Kind)? ParseNumber(string text)
    {
        (string suffix, double factor, Kind kind) = Units.First(u => text.EndsWith(u.Suffix, StringComparison.Ordinal));
        return double.TryParse(text[..^suffix.Length].Trim(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number)
            && number > 0 && double.IsFinite(number * factor)
            ? (number * factor, kind)
            : null;
    }

    private static ReplayException Wrong(string text, string why) => new(ReplayFailure.Usage, $"--fail-if '{text}': {why}");
}
