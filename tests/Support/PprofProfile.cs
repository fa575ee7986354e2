using System.IO.Compression;
using System.Text;
using Google.Protobuf;

namespace AllocReplay.Tests.Support;

/// <summary>Reads what pprof reads, by the numbers of its fields, knowing nothing of what wrote it.</summary>
internal sealed class PprofProfile
{
    private readonly ILookup<int, object> _fields;

    private PprofProfile(byte[] message) => _fields = Fields(message).ToLookup(f => f.Field, f => f.Value);

    public static PprofProfile Of(byte[] file)
    {
        using var gzip = new GZipStream(new MemoryStream(file), CompressionMode.Decompress);
        using var message = new MemoryStream();
        gzip.CopyTo(message);
        return new PprofProfile(message.ToArray());
    }

    /// <summary>Texts; the first is empty.</summary>
    public string[] Strings => [.. Messages(6).Select(m => new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(m))];

    /// <summary>As <c>type/unit</c>.</summary>
    public string[] SampleTypes => [.. Messages(1).Select(m => $"{Strings[Number(m, 1)]}/{Strings[Number(m, 2)]}")];

    public string DefaultSampleType => Strings[(int)Number(14)];

    /// <summary>A field of the profile itself.</summary>
    public long Number(int field) => (long)(ulong)_fields[field].LastOrDefault(0UL);

    /// <summary>Of each sample: the functions of its stack, the lowest first, those inlined in one location with +, and its values.</summary>
    public (string Stack, ulong[] Values)[] Samples
    {
        get
        {
            string[] strings = Strings;
            Dictionary<ulong, string> functions = Messages(5).ToDictionary(m => (ulong)Number(m, 1), m => strings[Number(m, 2)]);
            Dictionary<ulong, string> locations = Messages(4).ToDictionary(m => (ulong)Number(m, 1), m => string.Join('+',
                Fields(m).Where(f => f.Field == 4).Select(f => functions[(ulong)Number((byte[])f.Value, 1)])));
            return [.. Messages(2).Select(m => (string.Join(" < ", Packed(m, 1).Select(l => locations[l])), Packed(m, 2)))];
        }
    }

    /// <summary>Of each mapping: path, build id, and whether it has functions, files, lines and inlined functions.</summary>
    public string[] Mappings => [.. Messages(3).Select(m =>
        $"{Number(m, 2):x}-{Number(m, 3):x} {Strings[Number(m, 5)]} {Strings[Number(m, 6)]} {Number(m, 7)}{Number(m, 8)}{Number(m, 9)}{Number(m, 10)}")];

    private IEnumerable<byte[]> Messages(int field) => _fields[field].Cast<byte[]>();

    private static long Number(byte[] message, int field) => (long)(ulong)Fields(message).FirstOrDefault(f => f.Field == field, (field, 0UL)).Item2;

    private static ulong[] Packed(byte[] message, int field)
    {
        var values = new List<ulong>();
        using var input = new CodedInputStream((byte[])Fields(message).First(f => f.Field == field).Value);
        while (!input.IsAtEnd)
            values.Add(input.ReadUInt64());
        return [.. values];
    }

    private static List<(int Field, object Value)> Fields(byte[] message)
    {
        var fields = new List<(int, object)>();
        using var input = new CodedInputStream(message);
        while (input.ReadTag() is var tag and not 0)
            fields.Add((WireFormat.GetTagFieldNumber(tag), WireFormat.GetTagWireType(tag) == WireFormat.WireType.Varint
                ? input.ReadUInt64()
                : input.ReadBytes().ToByteArray()));
        return fields;
    }
}
