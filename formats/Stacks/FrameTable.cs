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

    private const int ModulesTextMax = 1 << 24, ModulesMax = 1 << 16;

    /// <summary>Deeper than any stack is walked.</summary>
    private const int DepthMax = 1024;

    private readonly FrameRecord[] _records;
    private readonly Module[] _modules; // by first address, then generation

    private FrameTable(FrameRecord[] records, string modulesText)
    {
        (_records, ModulesText) = (records, modulesText);
        Modules = [.. modulesText.Split('\n').Take(ModulesMax).Select(Parse).OfType<Module>()];
        _modules = [.. Modules.OrderBy(m => m.From).ThenBy(m => m.Generation)];
    }

    /// <summary>Of a recording without stacks.</summary>
    public static FrameTable Empty { get; } = new([], "");

    /// <summary>Numbers below which all stacks are: the frames that there are, and two that are none.</summary>
    public int Count => _records.Length;

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
            frames.Add(new Frame(record.Ip, (record.Flags & FrameRecord.Exact) != 0, ModuleOf(record)));
            isWhole = record.Caller == NoCaller;
            // A caller has its number before those that it calls.
            if (record.Caller is NoCaller or CutCaller || record.Caller >= at)
                break;
            at = record.Caller;
        }
        return frames;
    }

    internal static FrameTable Read(ByteFolder directory)
    {
        using ByteSource? file = directory.Open(Wire.FramesFile);
        if (file is null)
            return Empty;
        byte[] bytes = file.ReadAll(FramesMax * Unsafe.SizeOf<FrameRecord>());
        using ByteSource? modules = directory.Open(Wire.ModulesFile);
        return Of(bytes, modules is null ? "" : Encoding.UTF8.GetString(modules.ReadAll(ModulesTextMax)));
    }

    internal static FrameTable Of(ReadOnlySpan<byte> records, string modules) =>
        new(MemoryMarshal.Cast<byte, FrameRecord>(records)[..Math.Min(records.Length / Unsafe.SizeOf<FrameRecord>(), FramesMax)].ToArray(), modules);

    private Module? ModuleOf(in FrameRecord record)
    {
        ulong address = (record.Flags & FrameRecord.Exact) != 0 ? record.Ip : record.Ip - 1;
        uint generation = record.Flags >> FrameRecord.GenerationShift;
        int low = 0, high = _modules.Length; // the first that begins behind it
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_modules[middle].From <= address)
                low = middle + 1;
            else
                high = middle;
        }
        for (int i = low - 1; i >= 0; i--)
            if (_modules[i].To > address && _modules[i].Generation <= generation)
                return _modules[i];
        return null;
    }

    /// <summary>A line: <c>from-to generation build-id path</c>, numbers in hexadecimal.</summary>
    private static Module? Parse(string line)
    {
        string[] parts = line.Split(' ', 4);
        return parts.Length == 4 && parts[0].Split('-') is [var from, var to] && TryHex(from, out ulong first) && TryHex(to, out ulong behind)
            && first < behind && TryHex(parts[1], out ulong generation) && generation <= uint.MaxValue
            ? new Module(first, behind, (uint)generation, parts[2], parts[3])
            : null;
    }

    private static bool TryHex(string text, out ulong value) => ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
}
