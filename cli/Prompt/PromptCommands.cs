using System.Globalization;
using System.Text.RegularExpressions;
using AllocReplay.Analyzer;
using AllocReplay.Analyzer.Query;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;
using Spectre.Console;

namespace AllocReplay.Cli.Prompt;

/// <summary>What comes after a part of the input.</summary>
internal enum PromptStep
{
    /// <summary>The next part.</summary>
    GoOn,
    /// <summary>The next input: the parts that are left are dropped.</summary>
    Drop,
    /// <summary>Nothing.</summary>
    Leave,
}

/// <summary>What a command of the prompt comes to.</summary>
/// <param name="Settings">That hold from now on.</param>
/// <param name="Step">What comes next.</param>
/// <param name="Statement">What is to be run, if anything.</param>
/// <param name="View">The view that it is.</param>
internal readonly record struct PromptResult(PromptSettings Settings, PromptStep Step = PromptStep.GoOn, string? Statement = null, string? View = null);

/// <summary>A command of the prompt.</summary>
/// <param name="Name">With its dot.</param>
/// <param name="Arguments">As help shows them.</param>
/// <param name="Meaning">A phrase.</param>
internal sealed record PromptCommand(string Name, string Arguments, string Meaning);

/// <summary>The commands of the prompt: they begin with a dot.</summary>
internal sealed partial class PromptCommands(QueryNames names, Terminal terminal)
{
    public const string View = ".view", Format = ".format", Schema = ".schema";

    private const string Help = ".help", Tables = ".tables", Views = ".views", Limit = ".limit", Quit = ".quit", Exit = ".exit";
    private const string NoLimit = "default";

    public static IReadOnlyList<PromptCommand> All { get; } =
    [
        new(Help, "", "what can be typed"),
        new(Tables, "", "tables and views that can be selected from"),
        new(Schema, "NAME", "columns of a table or view"),
        new(Views, "", "the views, and their parameters"),
        new(View, "NAME [parameter=value …]", "run a view"),
        new(Format, string.Join('|', Formats), "how results are printed"),
        new(Limit, $"N|{NoLimit}", $"rows that are printed; by default {QueryTarget.TableRows} in a table, all in other formats"),
        new(Quit, "", "leave, as Ctrl-D does"),
        new(Exit, "", "the same"),
    ];

    /// <summary>Formats that are text.</summary>
    public static IReadOnlyList<string> Formats =>
        [.. Enum.GetValues<QueryFormat>().Where(f => f != QueryFormat.Parquet).Select(f => f.ToString().ToLowerInvariant())];

    /// <summary>Runs a command, but for the statement that it may stand for.</summary>
    /// <exception cref="UsageException">There is no such command, or it takes something else.</exception>
    /// <exception cref="QueryException">There is no such view or parameter, or a value is none.</exception>
    public PromptResult Run(string text, PromptSettings settings)
    {
        string[] words = [.. Word().Matches(text).Select(m => Quoted().Replace(m.Value, "$1$2"))];
        string name = words[0].ToLowerInvariant();
        string[] arguments = words[1..];
        PromptCommand command = All.FirstOrDefault(c => c.Name == name || c.Name[1..] == name)
            ?? throw new UsageException($"no command {words[0]}; .help lists them");
        if (arguments.Length > 0 && command.Arguments.Length == 0)
            throw new UsageException($"{command.Name}: expected nothing after it");
        switch (command.Name)
        {
            case Help:
                PrintHelp();
                return new PromptResult(settings);
            case Tables:
                PrintTables();
                return new PromptResult(settings);
            case Schema:
                PrintSchema(Only(arguments, command));
                return new PromptResult(settings);
            case Views:
                ViewsPage.Print(terminal);
                return new PromptResult(settings);
            case View when arguments.Length > 0:
                return new PromptResult(settings, Statement: DatasetQuery.StatementOf(arguments[0], arguments[1..]), View: arguments[0]);
            case Format:
                return new PromptResult(settings with { Format = FormatOf(Only(arguments, command)) });
            case Limit:
                return new PromptResult(settings with { Limit = LimitOf(Only(arguments, command)) });
            case Quit or Exit:
                return new PromptResult(settings, PromptStep.Leave);
            default:
                throw Expected(command);
        }
    }

    private void PrintHelp()
    {
        Grid grid = Terminal.NewFacts();
        grid.Add("SELECT …;", "a statement in DuckDB's SQL, over as many lines as it takes; it ends with a semicolon");
        foreach (PromptCommand command in All)
            grid.Add($"{command.Name} {command.Arguments}".TrimEnd(), command.Meaning);
        grid.Add("Tab", "completes names");
        grid.Add("Up, Down", "what was typed before");
        grid.Add("Ctrl-C", "drops the line, or interrupts the statement that runs");
        terminal.Write(grid, terminal.Width);
    }

    private void PrintTables()
    {
        string[][] rows =
        [
            .. DatasetTables.All.OrderBy(t => t.Name, StringComparer.Ordinal).Select(t => new[] { t.Name, "table", t.Meaning }),
            .. NamedView.All.Select(v => new[] { v.Name, "view", v.Description }),
        ];
        terminal.WriteWide(FittedTable.Of([("name", Justify.Left), ("kind", Justify.Left), ("what it has", Justify.Left)], rows, terminal.Width));
    }

    private void PrintSchema(string source)
    {
        IReadOnlyList<ColumnInfo> known = DatasetTables.All.FirstOrDefault(t => t.Name == source)?.Columns ?? [];
        string[][] rows = [.. names.Describe(source).Select(c =>
        {
            ColumnInfo? info = known.FirstOrDefault(k => k.Name == c.Name);
            return new[] { c.Name, c.Type, info?.Unit ?? "", info?.Meaning ?? "" };
        })];
        (string, Justify)[] columns = [("column", Justify.Left), ("type", Justify.Left), ("unit", Justify.Left), ("meaning", Justify.Left)];
        terminal.WriteWide(known.Count > 0 ? FittedTable.Of(columns, rows, terminal.Width)
            : FittedTable.Of(columns[..2], [.. rows.Select(r => r[..2])], terminal.Width));
    }

    private static string Only(string[] arguments, PromptCommand command) => arguments.Length == 1 ? arguments[0] : throw Expected(command);

    private static UsageException Expected(PromptCommand command) => new($"{command.Name}: expected {command.Name} {command.Arguments}");

    private static QueryFormat FormatOf(string name) => Formats.Contains(name)
        ? Enum.Parse<QueryFormat>(name, ignoreCase: true)
        : throw new UsageException($"{Format} {name}: expected {string.Join(", ", Formats)}");

    private static long? LimitOf(string text) => text == NoLimit ? null
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long rows) ? rows
        : throw new UsageException($"{Limit} {text}: expected 0 or more, or {NoLimit}");

    [GeneratedRegex("""(?:'[^']*'|"[^"]*"|\S)+""")]
    private static partial Regex Word();

    [GeneratedRegex("'([^']*)'|\"([^\"]*)\"")]
    private static partial Regex Quoted();
}
