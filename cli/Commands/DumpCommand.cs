using System.CommandLine;
using System.Globalization;
using System.Text;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay dump</c>: every event, one line each, in merged order or of one thread.</summary>
internal static class DumpCommand
{
    public static Command Create(Terminal terminal)
    {
        var choice = new TraceChoiceOptions();
        Option<int?> thread = new("--thread") { Description = "Only this thread's events.", HelpName = "index" };
        Option<long?> limit = new("--limit") { Description = "Stop after this many events.", HelpName = "n" };
        Option<bool> partial = TraceArguments.Partial();
        Option<bool> json = new("--json") { Description = "Print one JSON object a line." };
        var command = new Command("dump", "Print the events of a trace, one a line.") { thread, limit, partial, json };
        choice.AddTo(command);
        command.SetAction(parse => Run(
            choice.Of(parse), parse.GetValue(thread), parse.GetValue(limit), parse.GetValue(partial), parse.GetValue(json), terminal));
        return command;
    }

    private static int Run(TraceChoice choice, int? thread, long? limit, bool partial, bool json, Terminal terminal)
    {
        using TraceReader reader = TraceArguments.Open(choice, terminal);
        if (limit < 0)
            throw new UsageException("--limit: expected 0 or more");
        if (thread is { } wanted && (wanted < 0 || wanted >= reader.Threads.Count))
            throw new UsageException($"--thread {wanted}: this trace has threads 0 to {reader.Threads.Count - 1}");
        var line = new StringBuilder();
        if (!json)
            terminal.Out.WriteLine("#        time_ns  thread  call                      object  address             size  detail");
        for (long written = 0; written < (limit ?? long.MaxValue) && reader.Read(out TraceEvent e);)
        {
            if (thread is { } only && e.Thread != only)
                continue;
            line.Clear();
            if (json)
                AppendJson(line, e);
            else
                AppendText(line, e);
            terminal.Out.WriteLine(line);
            written++;
        }
        return terminal.EndOf(reader, partial);
    }

    private static void AppendText(StringBuilder line, in TraceEvent e)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        string id = e.Object >= 0 ? e.Object.ToString(culture) : "-";
        string address = CallKinds.IsThreadEvent(e.Kind) ? "-" : e.IsNull ? "null" : "0x" + e.Address.ToString("x", culture);
        bool sized = HasSize(e.Kind);
        line.Append(culture, $"{e.TimeNs,16} {e.Thread,7}  {CallKinds.Name(e.Kind),-20} {id,11}  {address,-16} {(sized ? e.Size.ToString(culture) : "-"),7}");
        if (e.Count != 1)
            line.Append(culture, $"  count {e.Count}");
        if (e.Alignment != 0)
            line.Append(culture, $"  align {e.Alignment}");
        if (e.PreviousObject >= 0)
            line.Append(culture, $"  was object {e.PreviousObject}");
        if (e.DisplacedObject >= 0)
            line.Append(culture, $"  displaces object {e.DisplacedObject}");
        if (e.OtherThread >= 0)
            line.Append(culture, $"  {(e.Kind == CallKind.ThreadStart ? "parent" : "child")} {e.OtherThread}");
        if (e.DurationNs > 0)
            line.Append(culture, $"  took {e.DurationNs} ns");
        if (e.IsNull && CallKinds.IsAcquisition(e.Kind))
            line.Append(e.BytesRequested == 0 && e.PreviousObject >= 0 && e.Object < 0 ? "  freed" : "  failed");
    }

    private static void AppendJson(StringBuilder line, in TraceEvent e)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        line.Append(culture, $"{{\"time_ns\":{e.TimeNs},\"thread\":{e.Thread},\"call\":\"{CallKinds.Name(e.Kind)}\"");
        if (!CallKinds.IsThreadEvent(e.Kind))
            line.Append(culture, $",\"object\":{(e.Object >= 0 ? e.Object : "null")},\"address\":{e.Address}");
        if (HasSize(e.Kind))
            line.Append(culture, $",\"size\":{e.Size},\"count\":{e.Count}");
        if (e.Alignment != 0)
            line.Append(culture, $",\"alignment\":{e.Alignment}");
        if (e.PreviousObject >= 0)
            line.Append(culture, $",\"previous_object\":{e.PreviousObject}");
        if (e.DisplacedObject >= 0)
            line.Append(culture, $",\"displaced_object\":{e.DisplacedObject}");
        if (e.OtherThread >= 0)
            line.Append(culture, $",\"other_thread\":{e.OtherThread}");
        if (e.DurationNs > 0)
            line.Append(culture, $",\"duration_ns\":{e.DurationNs}");
        line.Append('}');
    }

    private static bool HasSize(CallKind kind) =>
        CallKinds.IsReallocEnd(kind) || (CallKinds.Fields(kind) & CallFields.Size) is not (null or 0);
}
