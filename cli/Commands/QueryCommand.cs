using System.CommandLine;
using AllocReplay.Analyzer.Query;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;
using AllocReplay.Cli.Prompt;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay query</c>: SQL, or a named view, over a dataset.</summary>
internal static class QueryCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string?> dataset = new("dataset") { Description = "The directory that 'analyze' wrote.", Arity = ArgumentArity.ZeroOrOne };
        Argument<string?> sql = new("sql")
        {
            Description = "One statement that reads the tables allocations, threads, process, sites, stacks, stack_frames, frames and modules, or the named "
                + "views: SELECT, PIVOT, DESCRIBE, EXPLAIN, … DuckDB's dialect. On a terminal, without it: a prompt.",
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
            Description = $"Print at most this many rows. Default: {QueryTarget.TableRows} in a table, all in other formats.",
            HelpName = "n",
        };
        var command = new Command("query", "Run SQL, or a named view, over a dataset.")
        {
            dataset, sql, view, print, set, list, format, json, csv, output, force, limit,
        };
        Interruptible.SetAction(command, terminal, (ParseResult parse, Interruption interruption) =>
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
            bool asksNothing = parse.GetValue(sql) is null && parse.GetValue(view) is null && parse.GetValue(set) is not { Length: > 0 };
            if (asksNothing && file is null && parse.GetValue(dataset) is { } directory && QueryPrompt.CanRun(terminal))
            {
                target.Refuse(directory);
                return QueryPrompt.Run(directory, new PromptSettings(target.Format, parse.GetValue(limit)), terminal, interruption);
            }
            string statement = StatementOf(parse.GetValue(dataset), parse.GetValue(sql), parse.GetValue(view), parse.GetValue(set) ?? []);
            target.Refuse(parse.GetValue(dataset)!);
            using DatasetQuery query = DatasetQuery.Open(parse.GetValue(dataset)!);
            target.Answer(query, statement, parse.GetValue(view), parse.GetValue(limit), "--limit N", terminal, interruption.Token);
            return ExitCode.Ok;
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
        ViewsPage.Print(terminal);
        return ExitCode.Ok;
    }
}

/// <summary>What <c>query --list-views --json</c> prints.</summary>
/// <param name="Views">The named views, by name.</param>
internal sealed record ViewList(IReadOnlyList<NamedView> Views);
