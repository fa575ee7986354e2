using System.CommandLine;
using System.Globalization;
using AllocReplay.Analyzer.Check;
using AllocReplay.Cli.Output;

namespace AllocReplay.Cli.Options;

/// <summary>The options by which limits are set to a dataset.</summary>
internal sealed class CheckArguments
{
    private const string DefaultDifference = "64K";
    private const int SuppressionsMax = 1 << 24;
    private const double RegressionMax = 1e6; // per cent

    private readonly Option<string?> _peak = Size("--max-peak", "Bytes that may be live at a time.");
    private readonly Option<string?> _outstanding = Size("--max-outstanding", "Bytes that may be left when the trace ends, not freed.");
    private readonly Option<string?> _perSite = Size("--max-outstanding-per-site", "The same, of each call site. Needs call stacks.");
    private readonly Option<string?> _growth = new("--max-growth")
    {
        Description = "Growth of live bytes that there may be from 10 % to 90 % of the time: a size by s, min or h, such as 1M/min.",
        HelpName = "size/min",
    };

    private readonly Option<string?> _baseline = new("--baseline")
    {
        Description = "Dataset or trace of an earlier run: its peak, outstanding and allocated bytes are held against, and those of each call site.",
        HelpName = "path",
    };

    private readonly Option<string?> _maxRegression = new("--max-regression")
    {
        Description = "How much more than in --baseline a figure may be. Default: 5%.",
        HelpName = "percent",
    };

    private readonly Option<string?> _minDifference = Size(
        "--min-difference", $"With --baseline: a difference, or a new site, of fewer bytes is none. Default: {DefaultDifference}.");

    private readonly Option<string?> _suppressions = new("--suppressions")
    {
        Description = "File in LeakSanitizer's syntax: what a leak:PATTERN matches counts as neither outstanding nor growth.",
        HelpName = "file",
    };

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _peak, _outstanding, _perSite, _growth, _baseline, _maxRegression, _minDifference, _suppressions })
            command.Options.Add(option);
    }

    /// <summary>The path of the baseline, or null.</summary>
    public string? BaselineOf(ParseResult parse) => parse.GetValue(_baseline);

    /// <summary>The limits, but for the baseline, which is to be opened.</summary>
    /// <exception cref="UsageException">They make no sense, or there are none.</exception>
    /// <exception cref="SuppressionException">The file of suppressions has a line that is none.</exception>
    /// <exception cref="OperationCanceledException">It was ended while the file of suppressions, which may be a pipe, gave nothing.</exception>
    public CheckLimits Of(ParseResult parse, CancellationToken token)
    {
        bool hasBaseline = BaselineOf(parse) is not null;
        foreach (Option<string?> option in new[] { _maxRegression, _minDifference })
            if (!hasBaseline && parse.GetValue(option) is { } without)
                throw new UsageException($"{option.Name} {without}: name what it is held against, with --baseline");
        var limits = new CheckLimits
        {
            MaxPeak = ParseSize(parse, _peak),
            MaxOutstanding = ParseSize(parse, _outstanding),
            MaxOutstandingPerSite = ParseSize(parse, _perSite),
            MaxGrowth = parse.GetValue(_growth) is { } growth ? ParseGrowth(_growth.Name, growth) : null,
            MaxRegression = parse.GetValue(_maxRegression) is { } percent
                ? GateArguments.ParsePercent(_maxRegression.Name, percent, below: RegressionMax)
                : 0.05,
            MinDifference = ParseSize(parse, _minDifference) ?? Quantity.ParseBytes(_minDifference.Name, DefaultDifference),
        };
        if (!limits.AreAny && !hasBaseline)
            throw new UsageException("expected a condition: --max-peak, --max-outstanding, --max-outstanding-per-site, --max-growth or --baseline");
        if (parse.GetValue(_suppressions) is not { } file)
            return limits;
        return limits with { Suppressions = Suppression.Parse(file, LinesOf(file, token)) };
    }

    /// <summary>Reads it beside, as nothing interrupts a pipe that nobody writes to.</summary>
    private static string[] LinesOf(string file, CancellationToken token)
    {
        if (Directory.Exists(file))
            throw new SuppressionException($"{file}: expected a file, found a directory");
        Task<string[]> reading = Task.Run(() =>
        {
            using StreamReader reader = File.OpenText(file);
            var text = new char[SuppressionsMax + 1];
            int length = reader.ReadBlock(text);
            return length <= SuppressionsMax
                ? new string(text, 0, length).Split('\n')
                : throw new SuppressionException($"{file}: expected suppressions, found more than {SuppressionsMax} characters");
        }, CancellationToken.None);
        return reading.WaitAsync(token).GetAwaiter().GetResult();
    }

    /// <summary>A speed as people write it: 1M/min, 64K/s, 0/h.</summary>
    /// <returns>Bytes per minute.</returns>
    /// <exception cref="UsageException">It is none.</exception>
    internal static double ParseGrowth(string option, string text)
    {
        string[] parts = text.Split('/');
        double perMinute = parts.Length != 2 ? 0 : parts[1] switch { "s" => 60, "min" or "m" => 1, "h" => 1.0 / 60, _ => 0 };
        if (perMinute == 0)
            throw new UsageException($"{option} {text}: expected a size by s, min or h, such as 1M/min");
        return ParseSize(option, parts[0]) * perMinute;
    }

    /// <summary>A size, which may be 0: nothing is then allowed.</summary>
    private static long ParseSize(string option, string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long n) && n == 0 ? 0 : Quantity.ParseBytes(option, text);

    private static long? ParseSize(ParseResult parse, Option<string?> option) => parse.GetValue(option) is { } text ? ParseSize(option.Name, text) : null;

    private static Option<string?> Size(string name, string description) => new(name) { Description = description, HelpName = "size" };
}
