using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using AllocReplay.Formats;
using AllocReplay.Formats.Files;
using AllocReplay.Symbols.Objects;

namespace AllocReplay.Symbols.Jit;

/// <summary>
/// What a runtime tells of the code that it makes: perf's map files, which .NET, node and Java's agents write, and jitdump, which has lines too.
/// They lie where everybody may write, by a number that comes again: one counts only if the recording's reader or root has written it, after
/// the process had begun.
/// </summary>
internal static partial class JitFiles
{
    private const int MapMax = 1 << 28;
    private const uint DumpMagic = 0x4a695444;
    private const int DumpHeader = 40, RecordHeader = 16;
    private const uint CodeLoad = 0, CodeMove = 1, DebugInfo = 2;

    public static JitCode Read(SymbolOptions options, ProcessInfo process)
    {
        var code = new JitCode();
        if (process.Pid == 0)
            return code;
        string[] folders = [.. Folders(options, process)];
        DateTimeOffset began = RunningProcess.Began(process);
        foreach (string file in folders.Select(f => Path.Join(f, $"perf-{process.Pid}.map")))
            if (Load(file, began) is { } map)
            {
                ReadMap(map, code);
                code.Sources.Add(file);
                break;
            }
        foreach (string file in folders.Select(f => Path.Join(f, $"jit-{process.Pid}.dump")))
            if (Load(file, began) is { } dump && ReadDump(dump, code))
            {
                code.Sources.Add(file);
                break;
            }
        return code;
    }

    /// <summary>Lines <c>START SIZE name</c>, numbers in hexadecimal.</summary>
    internal static void ReadMap(ReadOnlySpan<byte> map, JitCode code)
    {
        while (!map.IsEmpty)
        {
            int end = map.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = end < 0 ? map : map[..end];
            map = end < 0 ? [] : map[(end + 1)..];
            int first = line.IndexOf((byte)' '), second = first < 0 ? -1 : line[(first + 1)..].IndexOf((byte)' ');
            if (second > 0 && TryHex(line[..first], out ulong start) && TryHex(line.Slice(first + 1, second), out ulong size) && size > 0)
                code.Add(start, size, Encoding.UTF8.GetString(line[(first + second + 2)..]));
        }
    }

    /// <summary>Records of the kernel's jitdump format. False when it is none.</summary>
    internal static bool ReadDump(ReadOnlySpan<byte> dump, JitCode code)
    {
        if (dump.Length < DumpHeader || BinaryPrimitives.ReadUInt32LittleEndian(dump) != DumpMagic)
            return false;
        uint header = BinaryPrimitives.ReadUInt32LittleEndian(dump[8..]);
        if (header > dump.Length)
            return true;
        dump = dump[(int)header..];
        (ulong address, List<(ulong, string, int)> lines) = (0, []); // of the function that is told next
        while (dump.Length >= RecordHeader)
        {
            uint kind = BinaryPrimitives.ReadUInt32LittleEndian(dump), length = BinaryPrimitives.ReadUInt32LittleEndian(dump[4..]);
            if (length < RecordHeader || length > dump.Length)
                break;
            ReadOnlySpan<byte> body = dump[RecordHeader..(int)length];
            dump = dump[(int)length..];
            if (kind == DebugInfo && body.Length >= 16)
            {
                (address, lines) = (U64(body, 0), Lines(body));
            }
            else if (kind == CodeLoad && body.Length > 40)
            {
                ulong at = U64(body, 16);
                code.Add(at, U64(body, 24), Text(body[40..], out _), address == at ? lines : null);
            }
            else if (kind == CodeMove && body.Length >= 32)
            {
                code.Move(U64(body, 16), U64(body, 24));
            }
        }
        return true;
    }

    private static List<(ulong, string, int)> Lines(ReadOnlySpan<byte> body)
    {
        var lines = new List<(ulong, string, int)>();
        string file = "";
        for (body = body[16..]; body.Length > 16;)
        {
            (ulong address, int line) = (U64(body, 0), BinaryPrimitives.ReadInt32LittleEndian(body[8..]));
            ReadOnlySpan<byte> rest = body[16..];
            bool isSame = rest[0] == 0xff;
            string name = Text(rest, out int length);
            file = isSame ? file : name;
            lines.Add((address, file, Math.Max(0, line)));
            body = rest[Math.Min(length, rest.Length)..];
        }
        return lines;
    }

    /// <summary>A text that ends in a zero byte.</summary>
    private static string Text(ReadOnlySpan<byte> bytes, out int length)
    {
        int end = bytes.IndexOf((byte)0);
        length = end < 0 ? bytes.Length : end + 1;
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }

    private static ulong U64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);

    private static bool TryHex(ReadOnlySpan<byte> text, out ulong value) =>
        ulong.TryParse(text.StartsWith("0x"u8) ? text[2..] : text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);

    private static IEnumerable<string> Folders(SymbolOptions options, ProcessInfo process)
    {
        if (options.Sysroot is { } root)
        {
            yield return Path.Join(root, "tmp");
            yield break;
        }
        foreach (string directory in RunningProcess.DirectoriesOf(process))
        {
            yield return $"{directory}/root/tmp";
            yield return $"{directory}/cwd";
        }
        yield return "/tmp";
        yield return Path.GetTempPath();
        yield return Environment.CurrentDirectory;
    }

    private static byte[]? Load(string path, DateTimeOffset started)
    {
        try
        {
            if (!File.Exists(path) || File.GetLastWriteTimeUtc(path) < started.UtcDateTime
                || (FileKind.OwnerOf(path) is var owner && owner != 0 && owner != EffectiveUser()))
                return null;
            using ByteSource file = ByteSource.OpenFile(path, followsLinks: false);
            return file.ReadAll(MapMax);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or TraceFormatException)
        {
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();
}
