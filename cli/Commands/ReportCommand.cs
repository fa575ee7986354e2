using System.CommandLine;
using AllocReplay.Analyzer.Export;
using AllocReplay.Analyzer.Passes;
using AllocReplay.Analyzer.Query;
using AllocReplay.Analyzer.Report;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Cli.Pages;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay report</c>: a page that shows what a program did with its memory.</summary>
internal static class ReportCommand
{
    private const string StandardOutput = "-";

    public static Command Create(Terminal terminal)
    {
        var choice = new TraceChoiceOptions();
        Option<string?> output = new("--output", "-o")
        {
            Description = "Page to write; - is standard output. Default: the trace's name with .html for its extension, in the current directory; with "
                + "--json none.",
            HelpName = "file",
        };
        Option<bool> force = new("--force") { Description = "Replace a page that is already there." };
        Option<bool> partial = TraceArguments.Partial();
        Option<bool> json = new("--json") { Description = "Print the page's figures as JSON." };
        var command = new Command(
            "report", "Write a page, one file: live bytes over time, flame graphs of any moment, leak suspects. Takes a trace, or a dataset of 'analyze'.")
        {
            output, force, partial, json,
        };
        choice.AddTo(command);
        var against = new AgainstOptions();
        against.AddTo(command);
        var symbols = new SymbolArguments();
        symbols.AddTo(command);
        Interruptible.SetAction(command, terminal, (parse, token) =>
        {
            TraceChoice chosen = choice.Of(parse);
            string? page = parse.GetValue(output) ?? (parse.GetValue(json) ? null : DefaultPage(chosen.Path));
            if (page is { Length: 0 })
                throw new UsageException("--output: expected a file name, found none");
            if (page == StandardOutput && parse.GetValue(json))
                throw new UsageException("-o -, --json: one alone can go to standard output; name a file for the page");
            PageTemplate? template = page is null ? null : ReportHtml.Template();
            if (page is not null and not StandardOutput)
                new OutputFile(page, parse.GetValue(force)).Refuse();
            var options = new AnalysisOptions
            {
                Directory = "",
                Partial = parse.GetValue(partial),
                Symbols = reader => symbols.For(parse, reader, terminal, token),
            };
            using AgainstRun? other = against.Open(parse, chosen, options, terminal, token);
            using ReportDataset dataset = ReportDataset.Of(chosen, page == StandardOutput ? null : page, options, terminal, token);
            using DatasetQuery query = DatasetQuery.Open(dataset.Directory);
            TraceReport read = TraceReport.Read(query, dataset.Directory, dataset.Image, token);
            if (dataset.OtherImages > 0)
                read = read with { Summary = read.Summary with { OtherImages = dataset.OtherImages } };
            TraceReport report = ReportHtml.Fitting(other?.Compare(read, chosen.Path, query, terminal, token) ?? read);
            if (dataset.Image is null && report.Summary.OtherImages > 0)
                terminal.Note(ImageNotes.OfBusiest(report.Process, report.Summary.OtherImages + 1, chosen.Path));
            foreach (string note in ImageNotes.Of(chosen.Path, report.Summary.Sampling, report.Summary.PartFromNs, report.Summary.PartToNs,
                report.Summary.WindowFromNs))
                terminal.Note(note);
            if (parse.GetValue(json))
                terminal.WriteJson("allocreplay.report/1", report);
            if (page is not null)
            {
                string line = TextLine.Command([.. parse.Tokens.Select(t => t.Value)]);
                Write(page, parse.GetValue(force), terminal,
                    stream => ReportHtml.Write(template!, report, chosen.Path, line, DateTimeOffset.UtcNow, stream));
                if (page != StandardOutput)
                    ReportPage.Say(report, page, dataset.IsKept ? dataset.Directory : null, isDataAlone: parse.GetValue(json), terminal);
            }
            return ExitCode.Ok;
        });
        return command;
    }

    internal static string DefaultPage(string trace) => Path.GetFileNameWithoutExtension(Path.GetFullPath(trace).TrimEnd('/')) + ".html";

    private static void Write(string page, bool force, Terminal terminal, Action<Stream> write)
    {
        if (page == StandardOutput)
        {
            using var stream = new BufferedStream(new DataStream(terminal.Out), 1 << 16);
            write(stream);
            return;
        }
        OutputFileWriter.Write(page, force, stream =>
        {
            write(stream);
            return 0;
        });
    }
}
