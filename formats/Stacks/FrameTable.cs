using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Recording;

namespace AllocReplay.Formats.Stacks;

/// <summary>
/// The stacks of a process image, as a tree of frames: a stack is the number of its lowest frame, each frame has the number of its caller's.
/// All of it comes from a recording, which may be a stranger's: what makes no sense ends a stack.
/// </summary>
public sealed class FrameTable
{
    /// <summary>In <see cref="FrameRecord.Caller"/>: the thread starts here; there are more frames, which were not walked.</summary>
    private const uint NoCaller = 0, CutCaller = 1, First = 2;

    /// <summary>More than a process numbers.</summary>
    internal const int FramesMax = 1 << 21;

    /// <summary>Bytes of a frame, as it is stored.</summary>
    internal static readonly int RecordSize = Unsafe.SizeOf<FrameRecord>();

    private const int ModulesTextMax = 1 << 24, ModulesMax = 1 << 16;

    /// <summary>Characters of a build id and of a path, at most: no system has more.</summary>
    private const int BuildIdMax = 256, PathMax = 4096;

    /// <summary>Deeper than any stack is walked.</summary>
    private const int DepthMax = 1024;

    /// <summary>Modules before an address that are looked at: more than overlap, one after the other, in a program.</summary>
    private const int ModulesBack = 1024;

    private readonly FrameRecord[] _records;
    private readonly ulong[] _starts, _reach; // of modules, in order; the highest end of those up to there
    private HashSet<CodeLocation>? _locations;
    private readonly Module[][] _modules; // those that begin there, by generation

    private FrameTable(FrameRecord[] records, string modulesText)
    {
        (_records, ModulesText) = (records, modulesText);
        var modules = new List<Module>();
        foreach (string line in modulesText.Split('\n').Take(ModulesMax))
            if (Parse(line, modules.Count) is { } module)
                modules.Add(module);
        Modules = modules;
        _modules = [.. modules.GroupBy(m => m.From).OrderBy(g => g.Key).Select(g => g.OrderBy(m => m.Generation).ToArray())];
        _starts = [.. _modules.Select(m => m[0].From)];
        _reach = new ulong[_modules.Length];
        for (int i = 0; i < _reach.Length; i++)
            _reach[i] = Math.Max(i > 0 ? _reach[i - 1] : 0, _modules[i].Max(m => m.To));
    }

    /// <summary>Of a recording without stacks.</summary>
    public static FrameTable Empty { get; } = new([], "");

    /// <summary>Numbers below which all stacks are: the frames that there are, and two that are none.</summary>
    public int Count => _records.Length;

    /// <summary>Number of the first frame that is not written yet, or <see cref="Count"/>.</summary>
    internal int CountWritten
    {
        get
        {
            int count = Math.Min((int)First, _records.Length);
            while (count < _records.Length && (_records[count].Flags & FrameRecord.Present) != 0)
                count++;
            return count;
        }
    }

    /// <summary>The modules that were met, in that order.</summary>
    public IReadOnlyList<Module> Modules { get; }

    internal string ModulesText { get; }

    internal ReadOnlySpan<byte> Bytes => MemoryMarshal.AsBytes(_records.AsSpan());

    /// <summary>The frames of a stack, the lowest first: who called the allocator, who called that, and so on.</summary>
    /// <param name="stack">Its number, as in <see cref="Calls.TraceEvent.Stack"/>; of one that is not known, there are none.</param>
    /// <param name="isWhole">Whether the last one is the thread's first; else there were more, which could not be, or were not to be, walked.</param>
    public IReadOnlyList<Frame> Of(int stack, out bool isWhole)
    {
        var frames = new List<Frame>();
        uint at = (uint)stack;
        isWhole = false;
        while (at >= First && at < _records.Length && frames.Count < DepthMax)
        {
            FrameRecord record = _records[at];
            if ((record.Flags & FrameRecord.Present) == 0)
                return frames;
            frames.Add(FrameOf(record));
            isWhole = record.Caller == NoCaller;
            // A caller has its number before those that it calls.
            if (record.Caller is NoCaller or CutCaller || record.Caller >= at)
                break;
            at = record.Caller;
        }
        return frames;
    }

    /// <summary>The places of code that are on some stack, each once.</summary>
    public IReadOnlyCollection<CodeLocation> Locations => _locations ??= Locate();

    private HashSet<CodeLocation> Locate()
    {
        var locations = new HashSet<CodeLocation>();
        foreach (FrameRecord record in _records)
            if ((record.Flags & FrameRecord.Present) != 0)
                locations.Add(FrameOf(record).Location);
        return locations;
    }

    internal static FrameTable Read(ByteFolder directory)
    {
        using ByteSource? file = directory.Open(Wire.FramesFile);
        if (file is null)
            return Empty;
        byte[] bytes = file.ReadAll(FramesMax * RecordSize);
        using ByteSource? modules = directory.Open(Wire.ModulesFile);
        return Of(bytes, modules is null ? "" : Encoding.UTF8.GetString(modules.ReadAll(ModulesTextMax)));
    }

    internal static FrameTable Of(ReadOnlySpan<byte> records, string modules) =>
        new(MemoryMarshal.Cast<byte, FrameRecord>(records)[..Math.Min(records.Length / RecordSize, FramesMax)].ToArray(), modules);

    private Frame FrameOf(in FrameRecord record) => new(record.Ip, (record.Flags & FrameRecord.Exact) != 0, ModuleOf(record));

    private Module? ModuleOf(in FrameRecord record)
    {
        ulong address = (record.Flags & FrameRecord.Exact) != 0 ? record.Ip : record.Ip - 1;
        uint generation = record.Flags >> FrameRecord.GenerationShift;
        int at = Array.BinarySearch(_starts, address);
        at = at < 0 ? ~at - 1 : at;
        Module? latest = null;
        for (int i = at; i >= Math.Max(0, at - ModulesBack) && _reach[i] > address; i--)
        {
            Module[] same = _modules[i];
            int low = 0, high = same.Length; // the first that came later
            while (low < high)
            {
                int middle = (low + high) / 2;
                if (same[middle].Generation <= generation)
                    low = middle + 1;
                else
                    high = middle;
            }
            if (low > 0 && same[low - 1] is { } module && module.To > address && !(latest?.Generation >= module.Generation))
                latest = module;
        }
        return latest;
    }

    /// <summary>A line: <c>from-to generation build-id path</c>, numbers in hexadecimal.</summary>
    private static Module? Parse(string line, int index)
    {
        string[] parts = line.Split(' ', 4);
        return parts.Length == 4 && parts[2].Length <= BuildIdMax && parts[3].Length <= PathMax
            && parts[0].Split('-') is [var from, var to] && TryHex(from, out ulong first) && TryHex(to, out ulong behind)
            && first < behind && TryHex(parts[1], out ulong generation) && generation <= uint.MaxValue
            ? new Module(index, first, behind, (uint)generation, parts[2], parts[3])
            : null;
    }

    private static bool TryHex(string text, out ulong value) => ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
}
