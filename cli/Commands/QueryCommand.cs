using System.CommandLine;
using AllocReplay.Analyzer.Query;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using Spectre.Console;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay query</c>: SQL, or a named view, over a dataset.</summary>
internal static class QueryCommand
{
    /// <summary>Rows that a terminal table shows unless <c>--limit</c> says otherwise.</summary>
    private const long TerminalRows = 100;

    public static Command Create(Terminal terminal)
    {
        Argument<string?> dataset = new("dataset") { Description = "The directory that 'analyze' wrote.", Arity = ArgumentArity.ZeroOrOne };
        Argument<string?> sql = new("sql")
        {
            Description = "One statement that reads the tables allocations, threads, process, sites, stacks, stack_frames, frames and modules, or the named "
                + "views: SELECT, PIVOT, DESCRIBE, EXPLAIN, … DuckDB's dialect.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Option<string?> view = new("--view") { Description = "Run this named view.", HelpName = "name" };
        Option<string?> print = new("--print-view")
        {
            Description = "Print the SQL of this named view, with what --set sets, for another engine: it needs no dataset.",
            HelpName = "name",
        };
        Option<string[]> set = new("--set")
        {
            Description = "With --view or --print-view: a parameter of it, such as min_bytes=1M or t=30s. May be given again; --list-views shows them.",
            HelpName = "name=value",
            AllowMultipleArgumentsPerToken = false,
        };
        Option<bool> list = new("--list-views") { Description = "List the named views and their parameters." };
        Option<string?> format = new("--format")
        {
            Description = "table; csv; json: an array of objects; jsonl: an object a line; md: a table of Markdown; parquet. Default: table, or what the "
                + "ending of the file's name says.",
            HelpName = "format",
        };
        format.AcceptOnlyFromAmong([.. Enum.GetNames<QueryFormat>().Select(n => n.ToLowerInvariant())]);
        Option<string?> output = new("--output", "-o") { Description = "File to write. Default: standard output.", HelpName = "file" };
        Option<bool> force = new("--force") { Description = "Replace a file that is already there." };
        Option<bool> json = new("--json") { Description = "Print an array of JSON objects." };
        Option<bool> csv = new("--csv") { Description = "Print CSV, with text as it was recorded, whatever a terminal makes of it." };
        Option<long?> limit = new("--limit")
        {
            Description = $"Print at most this many rows. Default: {TerminalRows} in a table, all in other formats.",
            HelpName = "n",
        };
        var command = new Command("query", "Run SQL, or a named view, over a dataset.")
        {
            dataset, sql, view, print, set, list, format, json, csv, output, force, limit,
        };
        Interruptible.SetAction(command, terminal, (parse, token) =>
        {
            OutputFile? file = parse.GetValue(output) is { } name ? new OutputFile(name, parse.GetValue(force)) : null;
            QueryTarget target = QueryTarget.Of(parse.GetValue(format), parse.GetValue(json), parse.GetValue(csv), file);
            if (parse.GetValue(list))
                return ListViews(target, terminal);
            if (parse.GetValue(print) is { } printed)
            {
                if (parse.GetValue(dataset) is not null || parse.GetValue(view) is not null)
                    throw new UsageException("--print-view: prints the SQL of a view and asks nothing, so it takes no dataset and no --view");
                terminal.Out.Write(NamedView.Find(printed).With(parse.GetValue(set) ?? []));
                return ExitCode.Ok;
            }
            if (parse.GetValue(limit) < 0)
                throw new UsageException("--limit: expected 0 or more");
            string statement = StatementOf(parse.GetValue(dataset), parse.GetValue(sql), parse.GetValue(view), parse.GetValue(set) ?? []);
            target.Refuse();
            return Run(parse.GetValue(dataset)!, statement, parse.GetValue(view), target, parse.GetValue(limit), terminal, token);
        });
        return command;
    }

    /// <summary>The statement that is to run.</summary>
    /// <exception cref="UsageException">There is none, or two, or no dataset.</exception>
    private static string StatementOf(string? dataset, string? sql, string? view, string[] settings)
    {
        if (dataset is null)
            throw new UsageException("expected a dataset: the directory that 'allocreplay analyze' wrote");
        if (sql is null == view is null)
            throw new UsageException("expected either an SQL query or --view NAME (--list-views lists them)");
        if (view is null && settings.Length > 0)
            throw new UsageException("--set: is a parameter of a view, and goes with --view NAME or --print-view NAME");
        return view is null ? sql! : DatasetQuery.StatementOf(view, settings);
    }

    private static int Run(
        string dataset, string statement, string? view, QueryTarget target, long? limit, Terminal terminal, CancellationToken token)
    {
        using DatasetQuery query = DatasetQuery.Open(dataset);
        if (target.Format == QueryFormat.Table)
        {
            using QueryResult result = query.Run(statement, QueryForm.Text, token);
            WriteTable(result, limit ?? TerminalRows, isDefault: limit is null, terminal);
        }
        else
        {
            target.Write(query, statement, limit ?? long.MaxValue, terminal, token);
        }
        if (query.StacksMissingFor(view ?? statement) is { } missing)
            terminal.Note(Worded(missing));
        return ExitCode.Ok;
    }

    private static string Worded(MissingStacks missing)
    {
        string what = missing.Without == missing.Images
            ? "The dataset has no call stacks, which this asks for"
            : $"{Quantity.Count(missing.Without)} of {Quantity.Count(missing.Images)} process images have no call stacks, which this asks for";
        return $"{what}: record with 'allocreplay record --stacks auto' and analyze that.";
    }

    private static void WriteTable(QueryResult result, long limit, bool isDefault, Terminal terminal)
    {
        if (result.IsPlan)
        {
            foreach (object?[] plan in result.ReadRows())
                terminal.Out.WriteLine(((string?)plan[^1] ?? "").TrimEnd());
            return;
        }
        Table table = Terminal.NewTable(result.Columns.Select(c => (c.Name, c.IsNumber ? Justify.Right : Justify.Left)).ToArray());
        long rows = 0;
        object?[]? row;
        // One row more is read than shown, to know whether there is one.
        while ((row = result.ReadRow()) is not null && rows < limit)
        {
            table.Add([.. row.Select(v => v is null ? "NULL" : TextLine.Plain((string)v))]);
            rows++;
        }
        terminal.WriteWide(table);
        if (row is not null && isDefault)
            terminal.Note($"Only the first {rows} rows are shown; --limit N shows more, other formats all.");
    }

    private static int ListViews(QueryTarget target, Terminal terminal)
    {
        if (target.File is not null || target.Format is not (QueryFormat.Table or QueryFormat.Csv or QueryFormat.Json))
            throw new UsageException("--list-views: prints a table, CSV or JSON");
        if (target.Format == QueryFormat.Csv)
        {
            terminal.Out.Write("name,description,parameters\n");
            foreach (NamedView view in NamedView.All)
            {
                string parameters = string.Join(' ', view.Parameters.Select(p => $"{p.Name}={p.Default}"));
                terminal.Out.Write(string.Join(',', new[] { view.Name, view.Description, parameters }.Select(QueryOutput.CsvField)) + "\n");
            }
            return ExitCode.Ok;
        }
        if (target.Format == QueryFormat.Json)
        {
            terminal.WriteJson("allocreplay.views/1", new ViewList(NamedView.All));
            return ExitCode.Ok;
        }
        Table table = Terminal.NewTable(("view", Justify.Left), ("what it answers; what --set sets, and its default", Justify.Left));
        foreach (NamedView view in NamedView.All)
        {
            table.Add(view.Name, view.Description);
            foreach (ViewParameter parameter in view.Parameters)
                table.Add("", $"  {parameter.Name}={parameter.Default}  {parameter.Type.ToString().ToLowerInvariant()}. {parameter.Meaning}");
        }
        terminal.WriteWide(table);
        return ExitCode.Ok;
    }
}

/// <summary>What <c>query --list-views --json</c> prints.</summary>
/// <param name="Views">The named views, by name.</param>
internal sealed record ViewList(IReadOnlyList<NamedView> Views);
