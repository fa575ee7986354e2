using System.Globalization;
using System.Text;
using System.Text.Json;
using AllocReplay.Cli;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary><c>dump</c>: what it prints of each event, however many there are.</summary>
public sealed class DumpTests : IDisposable
{
    private const int Seed = 11;
    /// <summary>More than some batches, and no multiple of one.</summary>
    private const int Calls = 5_000;

    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Every_event_has_the_line_that_formatting_it_alone_gives()
    {
        WriteLargeTrace();

        Assert.Equal(ExitCode.Ok, _runner.Run("dump", _directory.Path));

        string[] lines = _runner.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal([EventText.Header, .. Events().Select(PlainText)], lines);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1024)]
    [InlineData(1025)]
    public void A_limit_is_kept_to_the_event(int limit)
    {
        WriteLargeTrace();

        Assert.Equal(ExitCode.Ok, _runner.Run("dump", _directory.Path, "--limit", limit.ToString(CultureInfo.InvariantCulture)));

        Assert.Equal(1 + limit, _runner.Output.Count(c => c == '\n'));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(long.MaxValue)]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    public void Numbers_are_written_as_the_runtime_writes_them(long value)
    {
        Span<byte> bytes = stackalloc byte[100];
        var line = new ByteLine(bytes);
        line.Right(value, 7);
        line.Field(" "u8, value);
        line.Right((ulong)value, 12);
        line.LeftAddress((ulong)value, 16);

        string address = "0x" + value.ToString("x", CultureInfo.InvariantCulture);
        string expected = string.Create(CultureInfo.InvariantCulture, $"{value,7} {value}{(ulong)value,12}{address,-16}");
        Assert.Equal(expected, Encoding.UTF8.GetString(bytes[..line.Length]));
    }

    [Fact]
    public void Numbers_of_every_length_are_written_as_the_runtime_writes_them()
    {
        Span<byte> bytes = stackalloc byte[100];
        for (ulong power = 1; power != 0 && power < ulong.MaxValue / 10; power *= 10)
        {
            foreach (ulong value in new[] { power - 1, power, power + 1 })
            {
                var line = new ByteLine(bytes);
                line.Right(value, 0);
                Assert.Equal(value.ToString(CultureInfo.InvariantCulture), Encoding.UTF8.GetString(bytes[..line.Length]));
            }
        }
    }

    [Fact]
    public void Json_lines_are_objects_that_say_the_same()
    {
        WriteLargeTrace();

        _runner.Run("dump", _directory.Path, "--json", "--limit", "2000");

        TraceEvent[] events = [.. Events().Take(2000)];
        string[] lines = _runner.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(events.Length, lines.Length);
        foreach ((TraceEvent e, string line) in events.Zip(lines))
        {
            using JsonDocument json = JsonDocument.Parse(line);
            Assert.Equal(e.TimeNs, json.RootElement.GetProperty("time_ns").GetInt64());
            Assert.Equal(CallKinds.Name(e.Kind), json.RootElement.GetProperty("call").GetString());
            Assert.Equal(e.Address, json.RootElement.TryGetProperty("address", out JsonElement address) ? address.GetUInt64() : 0);
        }
    }

    private void WriteLargeTrace()
    {
        var random = new Random(Seed);
        var writer = new RecordingWriter(_directory.Path) { Latency = true };
        for (int thread = 0; thread < 2; thread++)
        {
            long at = 8;
            for (int i = 0; i < Calls; i++, at += 8 * random.Next(1, 50))
            {
                ulong address = 0x10000 + (ulong)random.Next(0, 64) * 64 + (ulong)thread * 0x100000;
                switch (random.Next(6))
                {
                    case 0:
                        writer.Thread(thread).Event(at, CallKind.Calloc, address, (ulong)random.Next(), count: 3, duration: (ulong)random.Next(3));
                        break;
                    case 1:
                        writer.Thread(thread).Event(at, CallKind.AlignedAlloc, address, 100, alignment: 64);
                        break;
                    case 2:
                        writer.Thread(thread).Event(at, CallKind.Malloc, 0, ulong.MaxValue >> random.Next(40));
                        break;
                    case 3:
                        writer.Thread(thread).Event(at, CallKind.Free, address);
                        break;
                    default:
                        writer.Thread(thread).Event(at, CallKind.New, address, (ulong)random.Next(300));
                        break;
                }
            }
        }
        writer.Save();
    }

    private List<TraceEvent> Events()
    {
        using TraceReader reader = TraceReader.Open(_directory.Path);
        var events = new List<TraceEvent>();
        while (reader.Read(out TraceEvent e))
            events.Add(e);
        Assert.Equal(2 * Calls, events.Count);
        return events;
    }

    /// <summary>The format as words say it, slow and plain.</summary>
    private static string PlainText(TraceEvent e)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        bool sized = CallKinds.IsReallocEnd(e.Kind) || (CallKinds.Fields(e.Kind) & CallFields.Size) is not (null or 0);
        string address = CallKinds.IsThreadEvent(e.Kind) ? "-" : e.IsNull ? "null" : "0x" + e.Address.ToString("x", culture);
        string id = e.Object >= 0 ? e.Object.ToString(culture) : "-";
        string size = sized ? e.Size.ToString(culture) : "-";
        var line = new StringBuilder(string.Create(culture, $"{e.TimeNs,16} {e.Thread,7}  {CallKinds.Name(e.Kind),-20} {id,11}  {address,-16} {size,7}"));
        if (e.Count != 1)
            line.Append(culture, $"  count {e.Count}");
        if (e.Alignment != 0)
            line.Append(culture, $"  align {e.Alignment}");
        if (e.DisplacedObject >= 0)
            line.Append(culture, $"  displaces object {e.DisplacedObject}");
        if (e.DurationNs > 0)
            line.Append(culture, $"  took {e.DurationNs} ns");
        if (e.IsNull && CallKinds.IsAcquisition(e.Kind))
            line.Append("  failed");
        return line.ToString();
    }
}
