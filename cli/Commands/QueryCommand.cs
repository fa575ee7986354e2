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

    private enum Form { Table, Json, Csv }

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
        Option<bool> list = new("--list-views") { Description = "List the named views." };
        Option<bool> json = new("--json") { Description = "Print an array of JSON objects." };
        Option<bool> csv = new("--csv") { Description = "Print CSV, with text as it was recorded, whatever a terminal makes of it." };
        Option<long?> limit = new("--limit")
        {
            Description = $"Print at most this many rows. Default: {TerminalRows} in a table, all in JSON and CSV.",
            HelpName = "n",
        };
        var command = new Command("query", "Run SQL, or a named view, over a dataset.") { dataset, sql, view, list, json, csv, limit };
        Interruptible.SetAction(command, terminal, (parse, token) =>
        {
            if (parse.GetValue(json) && parse.GetValue(csv))
                throw new UsageException("--json and --csv exclude each other");
            Form form = parse.GetValue(json) ? Form.Json : parse.GetValue(csv) ? Form.Csv : Form.Table;
            if (parse.GetValue(list))
                return ListViews(form, terminal);
            if (parse.GetValue(limit) < 0)
                throw new UsageException("--limit: expected 0 or more");
            return Run(parse.GetValue(dataset), parse.GetValue(sql), parse.GetValue(view), form, parse.GetValue(limit), terminal, token);
        });
        return command;
    }

    private static int Run(string? dataset, string? sql, string? view, Form form, long? limit, Terminal terminal, CancellationToken token)
    {
        if (dataset is null)
            throw new UsageException("expected a dataset: the directory that 'allocreplay analyze' wrote");
        if (sql is null == view is null)
            throw new UsageException("expected either an SQL query or --view NAME (--list-views lists them)");
        using DatasetQuery query = DatasetQuery.Open(dataset);
        QueryForm values = form == Form.Json ? QueryForm.Json : QueryForm.Text;
        using QueryResult result = view is not null ? query.RunView(view, values, token) : query.Run(sql!, values, token);
        switch (form)
        {
            case Form.Json:
                QueryOutput.WriteJson(result, limit ?? long.MaxValue, terminal.Out);
                break;
            case Form.Csv:
                QueryOutput.WriteCsv(result, limit ?? long.MaxValue, terminal.Out);
                break;
            default:
                WriteTable(result, limit ?? TerminalRows, isDefault: limit is null, terminal);
                break;
        }
        if (query.StacksMissingFor(view ?? sql!) is { } missing)
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
            terminal.Note($"Only the first {rows} rows are shown; --limit N shows more, --csv and --json all.");
    }

    private static int ListViews(Form form, Terminal terminal)
    {
        if (form == Form.Csv)
        {
            terminal.Out.Write("name,description\n");
            foreach (NamedView view in NamedView.All)
                terminal.Out.Write($"{QueryOutput.CsvField(view.Name)},{QueryOutput.CsvField(view.Description)}\n");
            return ExitCode.Ok;
        }
        if (form == Form.Json)
        {
            terminal.WriteJson("allocreplay.views/1", new ViewList(NamedView.All));
            return ExitCode.Ok;
        }
        Table table = Terminal.NewTable(("view", Justify.Left), ("what it answers", Justify.Left));
        foreach (NamedView view in NamedView.All)
            table.Add(view.Name, view.Description);
        terminal.WriteWide(table);
        return ExitCode.Ok;
    }
}

/// <summary>What <c>query --list-views --json</c> prints.</summary>
/// <param name="Views">The named views, by name.</param>
internal sealed record ViewList(IReadOnlyList<NamedView> Views);
