using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using AllocReplay.Cli;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Recording;
using AllocReplay.Replayer.Compare;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>
/// <c>docs/reference/json.md</c> is made of the types that the commands serialize and of their XML documentation. A meaning that the types do not
/// tell is written in the page and kept; a unit always is.
/// </summary>
[StartsProcesses]
public sealed partial class JsonReferenceTests : IDisposable
{
    private const string Page = "docs/reference/json.md";

    private const string Head = """
        # JSON

        What `--json` prints: one object, whose first property `schema` says what it is and in which version. Within a version properties are
        added and none changes its meaning or goes, so a reader ignores what it does not know; a change that would break one raises the number.
        `dump --json` prints one object a line and `query --json` an array with one object a row, both without `schema`: see below.

        Integers are exact and may need 64 bits. `[]` stands for the elements of an array, `{}` for the values of a map. A property that may be null is
        always there. The tables are made by `tests/cli/JsonReferenceTests.cs` (`UPDATE_GOLDEN=1` writes them) from the types.

        """;

    private const string Lines = """

        ## dump

        `dump --json`: one object a line for each event, in merged order, or in the order of the thread that was asked for.

        | property | type | unit | meaning |
        |---|---|---|---|
        | `time_ns` | integer | ns | Time since the start of the recording. |
        | `thread` | integer | | Index of the thread, as `info` lists them. |
        | `call` | string | | The call, as `dump` prints it; the halves of a reallocation are `realloc.begin` and `realloc.end`. |
        | `object` | integer or null | | The block that was acquired or released, numbered by acquisition; null where none is known. Absent of thread events. |
        | `address` | integer | | Its address; 0 for null. Absent of thread events. |
        | `size` | integer | B | Bytes asked for, of one element where there is a count. Absent where the call has none. |
        | `count` | integer | | Elements asked for; 1 where the call has no count. Absent where there is no size. |
        | `alignment` | integer | B | Alignment asked for. Absent where the call has none. |
        | `previous_object` | integer | | At the end of a reallocation: the block that was given up. Absent otherwise. |
        | `displaced_object` | integer | | The block that was still live at this address, as its release is not in the trace. Absent where there is none. |
        | `other_thread` | integer | | The parent of a thread that starts, the child of one that creates. Absent otherwise. |
        | `duration_ns` | integer | ns | What the call took, where latency was recorded. Absent where it is 0. |
        | `carried` | boolean | | true of what is left of the part of a kept recording that is gone (`record --keep`). Absent otherwise. |
        | `stack` | integer | | The stack that it was called with, where stacks were recorded. Absent where it is not known. |
        | `frames` | array | | In the first line with a stack: its functions as `info` has them in `sites[].frames`, the lowest first. |
        | `is_whole` | boolean | | There too: whether the last of them is the thread's first; else there were more. |

        ## query

        `query --json`: an array with one object a row; its properties are the columns of the result, in their order. Numbers are numbers, with all
        their digits; NaN and infinities, which JSON cannot write, and NULL are null; lists are arrays, structs and maps objects, and everything else
        is the text that `--csv` prints.

        """;

    private static readonly Lock OnePrinting = new();
    private static List<(string Schema, Type Type, string Json)>? _printed;

    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void The_page_says_each_property_of_each_object()
    {
        string[] pages = [.. Printed().Select(p => p.Schema)];
        Assert.Equal(pages.Distinct(), pages);

        GoldenText.Check(Page, Render());

        string page = File.ReadAllText(Path.Combine(SourceTree.Root, Page));
        Assert.DoesNotMatch(@"(?m)^\| `[^|]*\|[^|]*\|[^|]*\|\s*\|$", page); // a property without a meaning
    }

    [Fact]
    public void What_is_printed_has_the_properties_that_the_page_says()
    {
        foreach ((string schema, Type type, string json) in Printed())
        {
            using JsonDocument document = JsonDocument.Parse(json);
            HashSet<string> documented = [.. JsonShape.Of(type, _ => null).Select(p => p.Path)];
            Assert.Equal(schema, document.RootElement.EnumerateObject().First().Value.GetString());
            Assert.NotEmpty(documented);
            Assert.All(JsonShape.PathsOf(document.RootElement).Where(p => p != "schema"), p => Assert.True(IsIn(documented, p), $"{schema}: {p}"));
            Assert.All(documented, p => Assert.True(IsThere(document.RootElement, (MapOf(p) ?? p).Split('.')), $"{schema}: {p}"));
        }
    }

    [Fact]
    public void A_property_that_is_not_printed_is_not_said()
    {
        IEnumerable<string> metric = JsonShape.Of(typeof(Metric), _ => null).Select(p => p.Path);

        Assert.Contains("threshold", metric);
        Assert.DoesNotContain("take", metric);
    }

    [Fact]
    public void A_property_that_is_not_said_is_noticed() // the control
    {
        using JsonDocument json = JsonDocument.Parse("""{"a":{"b":[{"c":1}]}}""");

        Assert.Equal(["a", "a.b", "a.b[].c"], JsonShape.PathsOf(json.RootElement));
        Assert.False(IsIn(["a", "a.b"], "a.b[].c"));
        Assert.False(IsIn(["calls"], "calls.malloc"));
        Assert.True(IsIn(["calls{}"], "calls.malloc") && IsIn(["calls{}"], "calls"));
        Assert.True(IsIn(["turns{}[]"], "turns.speed") && IsIn(["turns{}[]"], "turns") && !IsIn(["turns[]"], "turns.speed"));
        Assert.True(IsThere(json.RootElement, ["a", "b[]", "c"]));
        Assert.False(IsThere(json.RootElement, ["a", "b[]", "d"]) || IsThere(json.RootElement, ["a", "d"]) || IsThere(json.RootElement, ["d"]));
    }

    [Fact]
    public void Every_schema_that_the_commands_name_is_on_the_page()
    {
        string[] named = [.. Directory.GetFiles(Path.Combine(SourceTree.Root, "cli"), "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal))
            .SelectMany(f => SchemaName().Matches(File.ReadAllText(f))).Select(m => m.Groups[1].Value).Distinct().Order(StringComparer.Ordinal)];

        Assert.Equal(named, Printed().Select(p => p.Schema).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Lines_of_dump_have_the_properties_that_the_page_says()
    {
        var writer = new RecordingWriter(_directory["svc.allocrec"]) { Latency = true, Stacks = true };
        int stack = writer.Frame(0x401000);
        writer.Thread(0).Event(0, CallKind.ThreadStart).Event(8, CallKind.AlignedAlloc, 0x1000, 64, alignment: 64, duration: 10)
            .Event(16, CallKind.Calloc, 0x2000, 8, count: 3).Realloc(24, 32, 0x2000, 0x3000, 9).Event(40, CallKind.ThreadCreate, otherThread: 1)
            .Malloc(48, 0x3000, 8).Malloc(100_000_000, 0x3000, 8, stack);
        writer.Thread(1).Event(40, CallKind.ThreadStart, otherThread: 0);
        writer.Save();
        _runner.Run("dump", _directory["svc.allocrec"], "--json");
        string whole = _runner.Output;
        using (RecordingWindow window = RecordingWindow.Open(writer.ImageDirectory))
        {
            window.Look(isLast: true);
            window.PassEvents(3);
            window.Save();
        }
        _runner.Run("dump", _directory["svc.allocrec"], "--json");

        var printed = new HashSet<string>();
        foreach (string line in (whole + _runner.Output).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            using (JsonDocument json = JsonDocument.Parse(line))
                printed.UnionWith(json.RootElement.EnumerateObject().Select(p => p.Name));
        Assert.Equal(Row().Matches(Lines).Select(m => m.Groups[1].Value).Order(StringComparer.Ordinal), printed.Order(StringComparer.Ordinal));
    }

    private static bool IsIn(HashSet<string> documented, string path) =>
        documented.Contains(path) || documented.Contains(path + "{}") || documented.Contains(path + "{}[]")
        || documented.Any(d => MapOf(d) is { } map && path.StartsWith(map + ".", StringComparison.Ordinal));

    /// <summary>The property whose values are told, where it is a map of values or of lists.</summary>
    private static string? MapOf(string documented)
    {
        string values = documented.EndsWith("[]", StringComparison.Ordinal) ? documented[..^2] : documented;
        return values.EndsWith("{}", StringComparison.Ordinal) ? values[..^2] : null;
    }

    /// <summary>Whether every object on the way to a property, where there is one, has it.</summary>
    private static bool IsThere(JsonElement element, ReadOnlySpan<string> path)
    {
        if (path.Length == 0 || element.ValueKind == JsonValueKind.Null)
            return true;
        bool isArray = path[0].EndsWith("[]", StringComparison.Ordinal);
        if (!element.TryGetProperty(isArray ? path[0][..^2] : path[0], out JsonElement value))
            return false;
        if (!isArray)
            return IsThere(value, path[1..]);
        foreach (JsonElement item in value.EnumerateArray())
            if (!IsThere(item, path[1..]))
                return false;
        return true;
    }

    /// <summary>Every command that prints an object, once: schema, type, and what it printed. They are run by whichever test is first.</summary>
    private List<(string Schema, Type Type, string Json)> Printed()
    {
        lock (OnePrinting)
            return _printed ??= PrintAll();
    }

    private List<(string Schema, Type Type, string Json)> PrintAll()
    {
        string trace = _directory["svc.allocrec"], replay = _directory["r.allocrec"], rep = _directory["x.rep"];
        string stacks = _directory["stacks.allocrec"], suppressions = _directory["suppressions"];
        SampleTrace.Write(trace);
        SampleStacks.Write(stacks);
        File.WriteAllText(rep, "1\n1\n2\n1\na 0 8\nf 0\n");
        File.WriteAllText(suppressions, "leak:known\n");
        using var other = new RunningProgram("/bin/sh", "-c", "echo runs; exec sleep 1000"); // in ours, other tests map shared memory
        return
        [
            Print("info", trace),
            Print("pack", trace, "-o", _directory["svc.alloctrace"], "--force"),
            Print("import", rep, "--from", "malloclab", "-o", _directory["x.alloctrace"], "--force"),
            Print("symbolize", stacks, "--no-symbol-cache"),
            Print("replay", trace, "--record", replay, "--check", "--force"),
            Print("verify", trace, replay),
            Print("compare", trace, "--allocator", "glibc,noop", "--runs", "3"),
            Print("compare", trace, replay, "--allocator", "glibc,noop", "--runs", "1"),
            Print("allocators"),
            Print("analyze", trace, "-o", _directory["data"], "--force"),
            Print("compact", _directory["data"], "-o", _directory[$"compact-{Guid.NewGuid():N}"]),
            Print("query", "--list-views"),
            Print("report", stacks, "--against", stacks),
            Print("check", trace, "--max-peak", "1G", "--suppressions", suppressions),
            Print("diff", stacks, stacks, "--process", "p100.0"),
            Print("export", stacks, "--format", "pprof", "--what", "live", "-o", _directory["x.pb.gz"], "--force"),
            Print("control", trace, "status"),
            Print("doctor", $"{other.Pid}"),
            Print("top", stacks, "--no-symbol-cache"),
        ];
    }

    private (string Schema, Type Type, string Json) Print(params string[] arguments)
    {
        int code = _runner.Run([.. arguments, "--json"]);
        Assert.True(code == ExitCode.Ok, $"{string.Join(' ', arguments)}: {code}: {_runner.Error}");
        using JsonDocument json = JsonDocument.Parse(_runner.Output);
        return (json.RootElement.GetProperty("schema").GetString()!, _runner.Terminal.JsonType!, _runner.Output);
    }

    private string Render()
    {
        string file = Path.Combine(SourceTree.Root, Page);
        string written = File.Exists(file) ? File.ReadAllText(file) : "";
        var page = new StringBuilder(Head);
        var told = new Dictionary<Type, string>();
        foreach ((string schema, Type type, _) in Printed())
        {
            page.Append('\n').Append("## ").Append(schema).Append("\n\n| property | type | unit | meaning |\n|---|---|---|---|\n");
            foreach (JsonMember p in JsonShape.Of(type, told.GetValueOrDefault))
            {
                (string unit, string meaning) = WrittenOf(written, schema, p.Path);
                string said = XmlDocs.Of(p.Property);
                page.Append($"| `{p.Path}` | {p.Type} | {unit}{(unit.Length > 0 ? " " : "")}| {(said.Length > 0 ? said : meaning)} |\n");
            }
            told.Add(type, $"as in [{schema}](#{schema.Replace(".", "", StringComparison.Ordinal).Replace("/", "", StringComparison.Ordinal)})");
        }
        return page.Append(Lines).ToString();
    }

    /// <summary>The unit and the meaning that the page has already.</summary>
    private static (string Unit, string Meaning) WrittenOf(string page, string schema, string path)
    {
        int section = page.IndexOf($"## {schema}\n", StringComparison.Ordinal);
        if (section < 0)
            return (UnitOf(path), "");
        int end = page.IndexOf("\n## ", section, StringComparison.Ordinal);
        string? row = page[section..(end < 0 ? page.Length : end)].Split('\n').FirstOrDefault(l => l.StartsWith($"| `{path}` |", StringComparison.Ordinal));
        string[]? cells = row is null ? null : Cell().Split(row);
        return cells is null ? (UnitOf(path), "") : (cells[3].Trim(), cells[4].Trim());
    }

    /// <summary>What a name tells of its unit, where the page does not say it yet.</summary>
    private static string UnitOf(string path) => path switch
    {
        _ when path.Contains("_ns", StringComparison.Ordinal) || path.Contains("ns_per", StringComparison.Ordinal) => "ns",
        _ when path.Contains("per_second", StringComparison.Ordinal) => "1/s",
        _ when path.Contains("bytes_per", StringComparison.Ordinal) => "B/event",
        _ when path.Contains("bytes", StringComparison.Ordinal) => "B",
        _ => "",
    };

    [GeneratedRegex("WriteJson\\(\"([^\"]+)\"")]
    private static partial Regex SchemaName();

    [GeneratedRegex("(?m)^\\| `([a-z_]+)` \\|")]
    private static partial Regex Row();

    [GeneratedRegex(@"(?<!\\)\|")]
    private static partial Regex Cell();
}
