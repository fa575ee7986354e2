using System.Globalization;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Analyzer.Export;

/// <summary>
/// The whole history of a trace as heaptrack keeps it, in version 3 of its interpreted text, which heaptrack 1.4 and 1.5 read, compressed by gzip:
/// every block acquired and released, in merged order, in milliseconds since the start of the recording; of a kept one since its window began, with the blocks
/// that were live then acquired at once. Numbers are hexadecimal; what is named
/// by number is told before. Strings, code and stacks are numbered from 1, kinds of allocations (a size and a stack) from 0.
/// </summary>
/// <remarks>
/// heaptrack takes a release for that of a temporary block when the call before it, of any thread, acquired one of the same size and stack; and, by
/// an oversight, any release of kind 0 that follows another release. So no block is of that one.
/// </remarks>
public sealed class HeaptrackWriter : ITraceSink
{
    private const string Version = "v 10400 3";
    private const long NsPerMs = 1_000_000;
    private const int PageBytes = 4096;

    private readonly TextWriter _output;
    private readonly FrameTable _frames;
    private readonly SymbolTable _symbols;
    private readonly Dictionary<string, int> _strings = new(StringComparer.Ordinal) { [""] = 0 };
    private readonly Dictionary<(CodeLocation Location, string Marker), int> _code = [];
    private readonly Dictionary<(int Code, int Caller), int> _traces = [];
    private readonly Dictionary<int, int> _traceOf = []; // by stack
    private readonly Dictionary<(ulong Size, int Trace), int> _kinds = [];
    private readonly Dictionary<long, int> _live = []; // kind by object
    private readonly long _fromNs;
    private long _ms;
    private UInt128 _bytes;

    private HeaptrackWriter(TraceReader reader, SymbolTable symbols, TextWriter output)
    {
        (_frames, _symbols, _output, _fromNs) = (reader.Frames, symbols, output, reader.Carried?.UntilNs ?? 0);
        IReadOnlyList<string> command = reader.Process.Arguments.Count > 0 ? reader.Process.Arguments : [reader.Process.Executable];
        Line(Version);
        Line($"X {EscapedName.Of(string.Join(' ', command))}");
        Line($"I {PageBytes:x} 0"); // how much memory the machine has, the trace does not tell
    }

    /// <summary>Blocks acquired.</summary>
    public long Blocks { get; private set; }

    /// <summary>Bytes requested for them; at most <see cref="ByteCount.Max"/>.</summary>
    public ulong Bytes => ByteCount.Of(_bytes);

    /// <summary>Different stacks that they were acquired with.</summary>
    public int Stacks => _traceOf.Count;

    /// <summary>Reads a trace from where it stands to its end, and writes it meanwhile.</summary>
    /// <returns>What was written.</returns>
    /// <inheritdoc cref="StackProfile.Read"/>
    public static HeaptrackWriter Write(TraceReader reader, Stream output, SymbolTable? symbols = null, bool partial = false,
        IProgress<double>? progress = null, CancellationToken token = default)
    {
        StacksNotRecordedException.ThrowIfNone(reader);
        using var gzip = new GZipStream(output, CompressionLevel.Optimal, leaveOpen: true);
        using var text = new StreamWriter(gzip, new UTF8Encoding(false), bufferSize: 1 << 16) { NewLine = "\n" };
        var writer = new HeaptrackWriter(reader, symbols ?? reader.Symbols, text);
        reader.ForEach([writer], progress, token);
        if (reader.Damage is not null && !partial)
            throw new TraceDamagedException(reader.Damage);
        return writer;
    }

    /// <inheritdoc/>
    public void Begin(in TraceEvent begin) => Time(begin.TimeNs);

    /// <inheritdoc/>
    public void Add(in ThreadEvent e) => Time(e.TimeNs);

    /// <inheritdoc/>
    public void Add(in TraceCall call)
    {
        Time(call.TimeNs);
        Release(call.Released);
        Release(call.Displaced);
        if (call.Acquired < 0)
            return;
        ulong bytes = call.BytesRequested;
        int kind = KindOf(bytes, call.Stack);
        _live[call.Acquired] = kind;
        Blocks++;
        _bytes += bytes;
        Line($"+ {kind:x}");
    }

    private void Release(long id)
    {
        if (id >= 0 && _live.Remove(id, out int kind))
            Line($"- {kind:x}");
    }

    /// <summary>Time is told when it has gone on: threads' events may be a little out of order.</summary>
    private void Time(long ns)
    {
        ns -= _fromNs;
        if (ns / NsPerMs <= _ms)
            return;
        _ms = ns / NsPerMs;
        Line($"c {_ms:x}");
    }

    private int KindOf(ulong size, int stack)
    {
        if (!_traceOf.TryGetValue(stack, out int trace))
            _traceOf.Add(stack, trace = TraceOf(stack));
        ref int kind = ref CollectionsMarshal.GetValueRefOrAddDefault(_kinds, (size, trace), out bool isThere);
        if (!isThere)
        {
            if (_kinds.Count == 1)
                Line($"a 0 {trace:x}");
            kind = _kinds.Count;
            Line($"a {size:x} {trace:x}");
        }
        return kind;
    }

    private int TraceOf(int stack)
    {
        IReadOnlyList<Frame> frames = _symbols.FramesOf(_frames, stack, out bool isWhole);
        int trace = frames.Count == 0 ? Below(0, MarkerOf(StackFunction.Unknown)) : isWhole ? 0 : Below(0, MarkerOf(StackFunction.Truncated));
        for (int i = frames.Count - 1; i >= 0; i--)
            trace = Below(trace, CodeOf(frames[i]));
        return trace;
    }

    private int Below(int caller, int code)
    {
        if (!_traces.TryGetValue((code, caller), out int trace))
        {
            _traces.Add((code, caller), trace = _traces.Count + 1);
            Line($"t {code:x} {caller:x}");
        }
        return trace;
    }

    /// <summary>Of a frame: address, module, and of each function its name, file and line, the innermost first.</summary>
    private int CodeOf(Frame frame)
    {
        if (_code.TryGetValue((frame.Location, ""), out int code))
            return code;
        var line = new StringBuilder();
        line.Append(CultureInfo.InvariantCulture, $"i {frame.CallAddress:x} {StringOf(frame.Module?.Path ?? ""):x}");
        foreach (StackLine function in _symbols.Lines([frame]))
            line.Append(CultureInfo.InvariantCulture,
                $" {StringOf(function.Name):x} {StringOf(function.Function?.File ?? ""):x} {function.Function?.Line ?? 0:x}");
        return Code(frame.Location, "", line.ToString());
    }

    private int MarkerOf(string name) => _code.TryGetValue((default, name), out int code)
        ? code
        : Code(default, name, string.Create(CultureInfo.InvariantCulture, $"i 0 0 {StringOf(name):x} 0 0"));

    private int Code(CodeLocation location, string marker, string line)
    {
        Line(line);
        _code.Add((location, marker), _code.Count + 1);
        return _code.Count;
    }

    private int StringOf(string text)
    {
        if (!_strings.TryGetValue(text, out int number))
        {
            _strings.Add(text, number = _strings.Count);
            string escaped = EscapedName.Of(text);
            Line($"s {Encoding.UTF8.GetByteCount(escaped):x} {escaped}");
        }
        return number;
    }

    private void Line(string line) => _output.WriteLine(line);
}
