using System.Globalization;

namespace AllocReplay.Replayer.Compare.Gate;

/// <summary>
/// What is to fail a comparison, as <c>jemalloc.p99 > 1.1 * glibc.p99</c>: on each side a number, or a configuration's figure, which a number may stand
/// before.
/// </summary>
public sealed class Condition
{
    private const double Confidence = 0.95;

    private static readonly (string Suffix, double Factor)[] Units =
    [
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("ns", 1), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("%", 0.01), ("k", 1e3), ("M", 1e6), ("G", 1e9),
        ("s", 1e9), ("", 1),
    ];

    private readonly Side _left, _right;
    private readonly bool _isAbove;

    private Condition(string text, Side left, Side right, bool isAbove) => (Text, _left, _right, _isAbove) = (text, left, right, isAbove);

    /// <summary>As it was written.</summary>
    public string Text { get; }

    /// <param name="Factor">What the figure is multiplied with; the number itself where there is no figure.</param>
    /// <param name="Configuration">Name of the configuration, or null.</param>
    /// <param name="Metric">The figure, or null.</param>
    private readonly record struct Side(double Factor, string? Configuration, Metric? Metric);

    /// <exception cref="ReplayException">It is none.</exception>
    public static Condition Parse(string text)
    {
        int at = IndexOfOperator(text);
        if (at < 0)
            throw Wrong(text, "expected > or < between two figures, such as jemalloc.p99 > 1.1 * glibc.p99");
        int length = at + 1 < text.Length && text[at + 1] == '=' ? 2 : 1; // no interval ends just at a limit: >= is as >
        Side left = ParseSide(text, text[..at].Trim()), right = ParseSide(text, text[(at + length)..].Trim());
        if (left.Metric is null && right.Metric is null)
            throw Wrong(text, "neither side is a figure such as jemalloc.p99");
        if (left.Metric is { } l && right.Metric is { } r && l.Pass != r.Pass)
            throw Wrong(text, $"{l.Name} and {r.Name} are not of the same runs");
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
        Dictionary<int, double>? left = FiguresOf(_left, report), right = FiguresOf(_right, report);
        int[] blocks = [.. (left ?? right)!.Keys.Where(b => (right ?? left)!.ContainsKey(b)).Order()];
        double[] ratios = [.. blocks.Select(b => _left.Factor * (left?[b] ?? 1) / (_right.Factor * (right?[b] ?? 1)))];
        return ratios.Length == 0 || ratios.Any(r => !(r > 0) || !double.IsFinite(r))
            ? GateFinding.Without(Text)
            : GateFinding.Of(Text, SignedRank.Of([.. ratios.Select(r => Math.Log(r))], 1 - Confidence), _isAbove);
    }

    /// <summary>By block; null of a number.</summary>
    private static Dictionary<int, double>? FiguresOf(Side side, ComparisonReport report)
    {
        if (side.Metric is not { } metric)
            return null;
        int row = report.Rows.ToList().FindIndex(r => r.Role != Role.Twin && r.Allocator.Name == side.Configuration);
        return report.Runs.Where(r => r.Row == row && r.Figures.ContainsKey(metric.Name)).ToDictionary(r => r.Block, r => r.Figures[metric.Name]);
    }

    /// <summary>Outside of quotes.</summary>
    private static int IndexOfOperator(string text)
    {
        bool quoted = false;
        for (int i = 0; i < text.Length; i++)
        {
            quoted ^= text[i] == '"';
            if (!quoted && text[i] is '<' or '>')
                return i;
        }
        return -1;
    }

    private static Side ParseSide(string text, string side)
    {
        int star = side.IndexOf('*', StringComparison.Ordinal);
        string head = star > 0 ? side[..star].Trim() : side;
        if (ParseNumber(head) is not { } number)
            return star > 0 ? throw Wrong(text, $"{head}: expected a number") : ParseFigure(text, side, factor: 1);
        return star > 0 ? ParseFigure(text, side[(star + 1)..].Trim(), number) : new Side(number, null, null);
    }

    private static Side ParseFigure(string text, string figure, double factor)
    {
        int dot = figure.LastIndexOf('.');
        if (dot <= 0)
            throw Wrong(text, $"{figure}: expected a configuration and a figure of it, such as jemalloc.p99");
        string name = figure[..dot].Trim('"'), metric = figure[(dot + 1)..];
        return new Side(factor, name, Metric.Of(metric)
            ?? throw Wrong(text, $"no figure is called {metric}; known: {string.Join(", ", Metric.All.Select(m => m.Name))}"));
    }

    private static double? ParseNumber(string text)
    {
        (string suffix, double factor) = Units.First(u => text.EndsWith(u.Suffix, StringComparison.Ordinal));
        return double.TryParse(text[..^suffix.Length].Trim(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number) && number > 0
            ? number * factor
            : null;
    }

    private static ReplayException Wrong(string text, string why) => new(ReplayFailure.Usage, $"--fail-if '{text}': {why}");
}
