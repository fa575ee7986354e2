using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using AllocReplay.Formats;
using AllocReplay.Formats.Recording;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Tests.Support;

/// <summary>A recording whose acquisitions have stacks: what <see cref="RecordingWriter"/> writes, with frames, modules and symbols beside it.</summary>
internal sealed class StackRecording
{
    /// <summary>A caller that is none: the thread starts here; or there are more frames, which were not walked.</summary>
    public const int Start = 0, Cut = 1;

    private readonly RecordingWriter _writer;
    private readonly List<FrameRecord> _frames = [default, default];
    private readonly List<string> _modules = [];
    private readonly List<ulong> _moduleStarts = [];
    private readonly Dictionary<CodeLocation, IReadOnlyList<FunctionLine>> _symbols = [];
    private readonly string _directory;

    public StackRecording(string directory, uint sample = 1)
    {
        _directory = directory;
        _writer = new RecordingWriter(directory) { Sample = sample };
        _writer.Thread(0);
    }

    /// <summary>An object file, at the addresses from the first up to the second.</summary>
    /// <returns>Its number.</returns>
    public int Module(ulong from, ulong to, string path, string buildId = "")
    {
        _modules.Add($"{from:x}-{to:x} 0 {buildId} {path}\n");
        _moduleStarts.Add(from);
        return _modules.Count - 1;
    }

    /// <summary>A frame, by the address that its call returns to.</summary>
    /// <returns>Its number: the stack of what it calls.</returns>
    public int Frame(ulong returnAddress, int caller)
    {
        _frames.Add(new FrameRecord { Ip = returnAddress, Caller = (uint)caller, Flags = FrameRecord.Present });
        return _frames.Count - 1;
    }

    /// <summary>A frame of a function that is called so, in a module.</summary>
    public int Frame(int module, uint offset, int caller, params FunctionLine[] functions)
    {
        if (functions.Length > 0)
            _symbols[new CodeLocation(module, offset)] = functions;
        return Frame(_moduleStarts[module] + offset + 1, caller);
    }

    public StackRecording Malloc(long ns, ulong address, ulong size, int stack, int thread = 0)
    {
        _writer.Thread(thread).Malloc(ns, address, size).Bytes(Varint(stack));
        return this;
    }

    public StackRecording Realloc(long ns, ulong old, ulong @new, ulong size, int stack, int thread = 0)
    {
        _writer.Thread(thread).Realloc(ns, ns, old, @new, size).Bytes(Varint(stack));
        return this;
    }

    public StackRecording Free(long ns, ulong address, int thread = 0)
    {
        _writer.Thread(thread).Free(ns, address);
        return this;
    }

    public StackRecording Mark(uint kind, uint interval, long ns, string name = "")
    {
        _writer.Mark(kind, interval, ns, name);
        return this;
    }

    public void Save()
    {
        _writer.Save();
        string process = Path.Combine(_writer.ImageDirectory, Wire.ProcessFile);
        byte[] header = File.ReadAllBytes(process);
        MemoryMarshal.AsRef<ProcessHeader>(header.AsSpan(0, Unsafe.SizeOf<ProcessHeader>())).Flags |= Wire.FlagStacks;
        File.WriteAllBytes(process, header);
        File.WriteAllBytes(Path.Combine(_writer.ImageDirectory, Wire.FramesFile), MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_frames)));
        File.WriteAllText(Path.Combine(_writer.ImageDirectory, Wire.ModulesFile), string.Concat(_modules), new UTF8Encoding(false));
        if (_symbols.Count == 0)
            return;
        using Trace trace = Trace.Open(_directory);
        SymbolStore.Write(trace, new Dictionary<string, SymbolTable> { [RecordingWriter.ImageName] = new(_symbols) });
    }

    private static byte[] Varint(int stack)
    {
        var bytes = new List<byte>();
        for (; stack >= 0x80; stack >>= 7)
            bytes.Add((byte)(stack | 0x80));
        return [.. bytes, (byte)stack];
    }
}
