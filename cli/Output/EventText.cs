using System.Text;
using AllocReplay.Formats.Calls;

namespace AllocReplay.Cli.Output;

/// <summary>
/// Events as lines of text, or as JSON objects, straight into bytes: <c>dump</c> prints millions. Golden files hold this text.
/// </summary>
internal static class EventText
{
    /// <summary>Bytes that the longest line may take: every number in full, every word.</summary>
    public const int LineBytes = 512;

    public const string Header = "#        time_ns  thread  call                      object  address             size  detail";

    private const int TimeWidth = 16, ThreadWidth = 7, NameWidth = 20, ObjectWidth = 11, AddressWidth = 16, SizeWidth = 7;

    private static readonly byte[][] Names = [.. Enumerable.Range(0, 1 << 8).Select(k => Encoding.UTF8.GetBytes(CallKinds.Name((CallKind)k)))];
    private static readonly bool[] Sized = [.. Enumerable.Range(0, 1 << 8).Select(k => IsSized((CallKind)k))];

    /// <summary>Writes a line of columns.</summary>
    /// <returns>Bytes written.</returns>
    public static int WriteText(Span<byte> bytes, in TraceEvent e)
    {
        var line = new ByteLine(bytes);
        line.Right(e.TimeNs, TimeWidth);
        line.Blanks(1);
        line.Right(e.Thread, ThreadWidth);
        line.Blanks(2);
        line.Left(Names[(int)e.Kind], NameWidth);
        line.Blanks(1);
        if (e.Object >= 0)
            line.Right(e.Object, ObjectWidth);
        else
            line.Right("-"u8, ObjectWidth);
        line.Blanks(2);
        if (CallKinds.IsThreadEvent(e.Kind))
            line.Left("-"u8, AddressWidth);
        else if (e.IsNull)
            line.Left("null"u8, AddressWidth);
        else
            line.LeftAddress(e.Address, AddressWidth);
        line.Blanks(1);
        if (HasSize(e.Kind))
            line.Right(e.Size, SizeWidth);
        else
            line.Right("-"u8, SizeWidth);
        WriteDetail(ref line, e);
        line.Text("\n"u8);
        return line.Length;
    }

    /// <summary>Writes a line with one JSON object: docs/reference/json.md.</summary>
    /// <returns>Bytes written.</returns>
    public static int WriteJson(Span<byte> bytes, in TraceEvent e)
    {
        var line = new ByteLine(bytes);
        line.Field("{\"time_ns\":"u8, e.TimeNs);
        line.Field(",\"thread\":"u8, e.Thread);
        line.Text(",\"call\":\""u8);
        line.Text(Names[(int)e.Kind]);
        line.Text("\""u8);
        if (!CallKinds.IsThreadEvent(e.Kind))
        {
            if (e.Object >= 0)
                line.Field(",\"object\":"u8, e.Object);
            else
                line.Text(",\"object\":null"u8);
            line.Field(",\"address\":"u8, e.Address);
        }
        if (HasSize(e.Kind))
        {
            line.Field(",\"size\":"u8, e.Size);
            line.Field(",\"count\":"u8, e.Count);
        }
        if (e.Alignment != 0)
            line.Field(",\"alignment\":"u8, e.Alignment);
        if (e.PreviousObject >= 0)
            line.Field(",\"previous_object\":"u8, e.PreviousObject);
        if (e.DisplacedObject >= 0)
            line.Field(",\"displaced_object\":"u8, e.DisplacedObject);
        if (e.OtherThread >= 0)
            line.Field(",\"other_thread\":"u8, e.OtherThread);
        if (e.DurationNs > 0)
            line.Field(",\"duration_ns\":"u8, e.DurationNs);
        if (e.IsCarried)
            line.Text(",\"carried\":true"u8);
        if (e.Stack > 0)
            line.Field(",\"stack\":"u8, e.Stack);
        line.Text("}\n"u8);
        return line.Length;
    }

    private static void WriteDetail(ref ByteLine line, in TraceEvent e)
    {
        if (e.Count != 1)
            line.Field("  count "u8, e.Count);
        if (e.Alignment != 0)
            line.Field("  align "u8, e.Alignment);
        if (e.PreviousObject >= 0)
            line.Field("  was object "u8, e.PreviousObject);
        if (e.DisplacedObject >= 0)
            line.Field("  displaces object "u8, e.DisplacedObject);
        if (e.OtherThread >= 0)
            line.Field(e.Kind == CallKind.ThreadStart ? "  parent "u8 : "  child "u8, e.OtherThread);
        if (e.DurationNs > 0)
        {
            line.Field("  took "u8, e.DurationNs);
            line.Text(" ns"u8);
        }
        if (e.IsCarried)
            line.Text("  carried"u8);
        if (e.IsNull && CallKinds.IsAcquisition(e.Kind))
            line.Text(e.BytesRequested == 0 && e.PreviousObject >= 0 && e.Object < 0 ? "  freed"u8 : "  failed"u8);
        if (e.Stack > 0)
            line.Field("  stack "u8, e.Stack); // last: what it is may follow
    }

    private static bool HasSize(CallKind kind) => Sized[(int)kind];

    private static bool IsSized(CallKind kind) =>
        CallKinds.IsReallocEnd(kind) || (CallKinds.Fields(kind) & CallFields.Size) is not (null or 0);
}
