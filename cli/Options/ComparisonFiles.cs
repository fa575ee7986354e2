using System.CommandLine;
using System.Globalization;
using AllocReplay.Analyzer.Export;
using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;
using AllocReplay.Replayer.Compare.Corpus;

namespace AllocReplay.Cli.Options;

/// <summary>The options by which a comparison is written to files.</summary>
internal sealed class ComparisonFileOptions
{
    /// <summary>The options that name files.</summary>
    public static readonly string[] Names = ["--html", "--csv", "--md"];

    private readonly Option<string?> _html = NewFile(Names[0], "Write a page with charts: one file, which needs no network; - is standard output.");
    private readonly Option<string?> _csv = NewFile(Names[1], "Write a row for each figure of each configuration as CSV; - is standard output.");
    private readonly Option<string?> _markdown = NewFile(Names[2], "Write the tables as GitHub's Markdown; - is standard output.");
    private readonly Option<bool> _force = new("--force") { Description = "Replace files that are already there." };

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _html, _csv, _markdown, _force })
            command.Options.Add(option);
    }

    /// <exception cref="UsageException">They do not go together.</exception>
    public ComparisonFiles Of(ParseResult parse, bool json)
    {
        (string Option, string Name)[] named =
            [.. new[] { _html, _csv, _markdown }.Select(o => (o.Name, parse.GetValue(o))).Where(f => f.Item2 is not null).Select(f => (f.Name, f.Item2!))];
        if (named.FirstOrDefault(f => f.Name.Length == 0) is { Option: { } empty })
            throw new UsageException($"{empty}: expected a file name, found none");
        string[] toOutput = [.. named.Where(f => f.Name == ComparisonFiles.StandardOutput).Select(f => $"{f.Option} -"), .. json ? ["--json"] : (string[])[]];
        if (toOutput.Length > 1)
            throw new UsageException($"{string.Join(", ", toOutput)}: one alone can go to standard output; name a file for the others");
        if (named.Where(f => f.Name != ComparisonFiles.StandardOutput).GroupBy(f => Path.GetFullPath(f.Name)).FirstOrDefault(g => g.Count() > 1) is { } same)
            throw new UsageException($"{string.Join(", ", same.Select(f => f.Option))}: both name {same.First().Name}; choose another name for one");
        return new ComparisonFiles(
            parse.GetValue(_html), parse.GetValue(_csv), parse.GetValue(_markdown), parse.GetValue(_force),
            [.. parse.Tokens.Select(t => t.Value)]);
    }

    private static Option<string?> NewFile(string name, string description) => new(name) { Description = description, HelpName = "file" };
}

/// <summary>The files that a comparison is written to, null where it is not; <see cref="StandardOutput"/> is none.</summary>
/// <param name="Html">The page.</param>
/// <param name="Csv">The figures.</param>
/// <param name="Markdown">The tables.</param>
/// <param name="Force">What is there may be replaced.</param>
/// <param name="Words">The command that they are of, as it was typed.</param>
internal sealed record ComparisonFiles(string? Html, string? Csv, string? Markdown, bool Force, IReadOnlyList<string> Words)
{
    public const string StandardOutput = "-";

    private string Command => TextLine.Command([.. Words]);

    /// <summary>What to type next: the same once more, with the order that was drawn, and with the figures that were not asked for.</summary>
    public string Next(int seed)
    {
        string[] more = Html is null ? ["--html", "comparison.html"] : Words.Contains("--json") ? [] : ["--json"];
        return TextLine.Command([.. WordsWithoutFiles(), .. Words.Contains("--seed") ? (string[])[] : ["--seed", seed.ToString(CultureInfo.InvariantCulture)], .. more]);
    }

    /// <summary>What was typed, but for the names of files: they are there now, and would be refused.</summary>
    private IEnumerable<string> WordsWithoutFiles()
    {
        string[] options = ComparisonFileOptions.Names;
        for (int i = 0; i < Words.Count; i++)
        {
            if (options.Contains(Words[i]))
                i++;
            else if (!options.Any(o => Words[i].StartsWith(o + "=", StringComparison.Ordinal)))
                yield return Words[i];
        }
    }

    /// <summary>Whether standard output is one of them, and takes nothing else.</summary>
    public bool TakeOutput => Names.Contains(StandardOutput);

    /// <exception cref="UsageException">A file may not be written there.</exception>
    public void Refuse()
    {
        foreach (string name in Names.Where(n => n != StandardOutput))
            new OutputFile(name, Force).Refuse();
    }

    private string[] Names => [.. new[] { Html, Csv, Markdown }.OfType<string>()];

    /// <summary>
    /// Makes a report and writes it, each file whole or not at all. They are begun before it is made, which takes minutes: that one cannot be written is
    /// known at once.
    /// </summary>
    /// <param name="terminal">Where it is said.</param>
    /// <param name="make">Makes the report, and prints what is printed of it.</param>
    /// <exception cref="UsageException">A file may not be written there.</exception>
    /// <exception cref="PageMissingException">This build has no page.</exception>
    public CorpusReport Write(Terminal terminal, Func<CorpusReport> make)
    {
        Refuse();
        if (Html is not null)
        {
            PageTemplate template = ComparisonHtml.Template();
            make = Also(Html, terminal, make, (report, output) => ComparisonHtml.Write(template, report, Command, DateTimeOffset.UtcNow, output));
        }
        if (Csv is not null)
            make = Also(Csv, terminal, make, (report, output) => ComparisonCsv.Write(report, output));
        if (Markdown is not null)
            make = Also(Markdown, terminal, make, (report, output) => ComparisonMarkdown.Write(report, Command, output));
        return make();
    }

    private Func<CorpusReport> Also(string name, Terminal terminal, Func<CorpusReport> make, Action<CorpusReport, Stream> write) => () =>
    {
        if (name == StandardOutput)
        {
            CorpusReport made = make();
            using var output = new BufferedStream(new DataStream(terminal.Out), 1 << 16);
            write(made, output);
            return made;
        }
        CorpusReport report = OutputFileWriter.Write(name, Force, output =>
        {
            CorpusReport made = make();
            write(made, output);
            return made;
        });
        terminal.Note($"allocreplay: wrote {name}");
        return report;
    };
}
