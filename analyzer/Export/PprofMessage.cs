using Google.Protobuf;

namespace AllocReplay.Analyzer.Export;

/// <summary>The numbers that the fields of pprof's messages have: below 100 those of a profile, above, in hundreds, those of messages inside.</summary>
internal enum PprofField
{
    SampleType = 1,
    Sample = 2,
    Mapping = 3,
    Location = 4,
    Function = 5,
    StringTable = 6,
    TimeNanos = 9,
    DurationNanos = 10,
    PeriodType = 11,
    Period = 12,
    Comment = 13,
    DefaultSampleType = 14,

    ValueTypeType = 101,
    ValueTypeUnit = 102,

    SampleLocations = 201,
    SampleValues = 202,

    MappingId = 301,
    MappingStart = 302,
    MappingLimit = 303,
    MappingFilename = 305,
    MappingBuildId = 306,
    MappingHasFunctions = 307,
    MappingHasFilenames = 308,
    MappingHasLineNumbers = 309,
    MappingHasInlineFrames = 310,

    LocationId = 401,
    LocationMapping = 402,
    LocationAddress = 403,
    LocationLine = 404,

    LineFunction = 501,
    LineNumber = 502,

    FunctionId = 601,
    FunctionName = 602,
    FunctionSystemName = 603,
    FunctionFilename = 604,
}

/// <summary>
/// Writes a protocol buffer message field by field. The fields of a message may come in any order and those that repeat may come apart, so a whole
/// profile is written as it is made; a message inside is put together first, as its length comes before it.
/// </summary>
internal sealed class PprofMessage(Stream output) : IDisposable
{
    private const int Hundred = 100;

    private readonly CodedOutputStream _output = new(output, leaveOpen: true);
    private MemoryStream? _nestedBytes;
    private PprofMessage? _nested;

    public void Write(PprofField field, string text)
    {
        Tag(field, WireFormat.WireType.LengthDelimited);
        _output.WriteString(text);
    }

    public void Write(PprofField field, long value)
    {
        if (value == 0)
            return; // as it is when it is not there
        Tag(field, WireFormat.WireType.Varint);
        _output.WriteInt64(value);
    }

    public void Write(PprofField field, ulong value) => Write(field, unchecked((long)value));

    public void Write(PprofField field, bool value) => Write(field, value ? 1L : 0);

    /// <summary>Numbers that repeat, packed.</summary>
    public void Write(PprofField field, ulong[] values)
    {
        Tag(field, WireFormat.WireType.LengthDelimited);
        _output.WriteLength(values.Sum(CodedOutputStream.ComputeUInt64Size));
        foreach (ulong value in values)
            _output.WriteUInt64(value);
    }

    /// <summary>A message inside.</summary>
    public void Write(PprofField field, Action<PprofMessage> write)
    {
        _nestedBytes ??= new MemoryStream();
        _nested ??= new PprofMessage(_nestedBytes);
        _nestedBytes.SetLength(0);
        write(_nested);
        _nested._output.Flush();
        Tag(field, WireFormat.WireType.LengthDelimited);
        _output.WriteBytes(UnsafeByteOperations.UnsafeWrap(_nestedBytes.GetBuffer().AsMemory(0, (int)_nestedBytes.Length)));
    }

    public void Dispose()
    {
        _output.Dispose(); // which passes on what was kept back
        _nested?.Dispose();
        _nestedBytes?.Dispose();
    }

    private void Tag(PprofField field, WireFormat.WireType type) => _output.WriteTag((int)field % Hundred, type);
}
