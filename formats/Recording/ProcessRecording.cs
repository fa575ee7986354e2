using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Formats.Recording;

/// <summary>
/// One process image's directory, indexed: which thread's chunks lie where. The tails are read before <c>events</c> is
/// indexed: a chunk that is flushed in between is then found in both places, never in neither.
/// </summary>
internal sealed class ProcessRecording : ITraceSource
{
    /// <summary>More than the kernel writes into cmdline and maps of any program.</summary>
    private const int TextMax = 1 << 22;

    private readonly IReadOnlyList<ThreadStream> _streams;
    private readonly EventFiles _files;
    private readonly string _tailsPath;
    private readonly int _tickShift;
    private readonly Lazy<FrameTable> _frames;
    private readonly Lazy<SymbolTable> _symbols;

    private ProcessRecording(IReadOnlyList<ThreadStream> streams, EventFiles files, ByteFolder directory, int tickShift)
    {
        (_streams, _files, _tickShift) = (streams, files, tickShift);
        _tailsPath = Path.Combine(directory.Path, Wire.TailsFile);
        _frames = new Lazy<FrameTable>(() => FrameTable.Read(directory));
        _symbols = new Lazy<SymbolTable>(() => SymbolStore.Read(directory));
    }

    public FrameTable Frames => _frames.Value;
    public SymbolTable Symbols => _symbols.Value;

    public required ProcessInfo Info { get; init; }
    public required Clock Clock { get; init; }
    public required IReadOnlyList<StreamInfo> Threads { get; init; }
    public required IReadOnlyList<Interval> Intervals { get; init; }
    public required IReadOnlyList<Marker> Markers { get; init; }
    public required IReadOnlyList<MemorySample> MemorySamples { get; init; }
    public required long EventBytes { get; init; }
    public required TraceFormatException? Damage { get; init; }
    public required CarriedPart? Carried { get; init; }

    /// <summary>The module map at the start; empty when it could not be read.</summary>
    public required string Maps { get; init; }

    /// <param name="directory">Of the process image.</param>
    /// <param name="isGrowing">Whether it is still written: what is not whole at its end is then no damage.</param>
    public static ProcessRecording Open(ByteFolder directory, bool isGrowing = false)
    {
        ProcessHeader header = ReadHeader(directory);
        var index = new ChunkIndex((ulong)header.StartTicks, header.StartMonoNs, isGrowing);
        EventFiles files = EventFiles.Open(directory); // first: what is let go of from here on stays open
        try
        {
            using (ByteSource? tails = directory.Open(Wire.TailsFile))
                if (tails is not null)
                    index.ReadTails(tails);
            index.ReadEvents(files);
            IReadOnlyList<ThreadStream> streams = index.Build(directory.Path);
            Clock clock = ClockOf(header, index.LatestPair)
                ?? throw new TraceFormatException(Path.Combine(directory.Path, Wire.ProcessFile), 40, "expected clock calibration pairs that give a rate");
            (IReadOnlyList<Interval> intervals, IReadOnlyList<Marker> markers) = MarkFile.Read(directory, header.StartMonoNs);
            return new ProcessRecording(streams, files, directory, (int)header.TickShift)
            {
                Info = ToInfo(header, directory),
                Clock = clock,
                Threads = [.. streams.Select(s => s.Info)],
                Intervals = intervals,
                Markers = markers,
                MemorySamples = MemoryFile.Read(directory, header.StartMonoNs),
                EventBytes = streams.Sum(t => t.Chunks.Concat(t.Carried).Sum(c => c.Bytes)),
                Carried = files.Carried is { } carried ? new CarriedPart(clock.ToNs(carried.CutTicks), carried.EventsGone) : null,
                Damage = index.Damage,
                Maps = ReadText(directory, Wire.MapsFile),
            };
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    /// <summary>What a listing shows of a process image; no more than its name and size when its header cannot be read.</summary>
    public static ProcessImage Describe(string name, ByteFolder directory)
    {
        long bytes = ChunkIndex.MeasureEvents(directory);
        try
        {
            ProcessHeader header = ReadHeader(directory);
            return new ProcessImage(name, directory.Path, Text(header.Executable), bytes, header.LostEvents, FailureOf(header));
        }
        catch (TraceFormatException)
        {
            return new ProcessImage(name, directory.Path, "", bytes);
        }
    }

    public long EventBytesOf(uint interval) => _streams.Sum(t => t.Chunks.Where(c => c.Interval == interval).Sum(c => c.Bytes));

    public IEventCursor OpenCursor(int thread, ulong fromTicks = 0) =>
        Cursor(_streams[thread].Info, _streams[thread].Chunks, _streams[thread].Skip, fromTicks);

    public IEventCursor? OpenCarried(int thread) =>
        _streams[thread].Carried is { Count: > 0 } carried ? Cursor(_streams[thread].Info, carried, skip: 0, fromTicks: 0) : null;

    public void Dispose() => _files.Dispose();

    private ThreadCursor Cursor(StreamInfo info, List<ChunkReference> chunks, int skip, ulong fromTicks) =>
        new(info, chunks, skip, _files, _tailsPath, _tickShift, Info.OptionalFields, fromTicks);

    /// <summary>The latest pair gives the best rate: an orderly exit's, else the last chunk's, else the one taken at start.</summary>
    /// <param name="header">The page.</param>
    /// <param name="latest">The latest pair of a chunk header.</param>
    /// <returns>Null when none gives a rate.</returns>
    internal static Clock? ClockOf(in ProcessHeader header, (ulong Ticks, ulong Ns) latest)
    {
        var start = (header.StartTicks, header.StartMonoNs);
        return Clock.FromPairs((int)header.TickShift, start, (header.EndTicks, header.EndMonoNs))
            ?? Clock.FromPairs((int)header.TickShift, start, Later(latest, (header.SecondTicks, header.SecondMonoNs)));
    }

    private static (ulong, ulong) Later((ulong Ticks, ulong Ns) a, (ulong Ticks, ulong Ns) b) => a.Ticks > b.Ticks ? a : b;

    private static ProcessHeader ReadHeader(ByteFolder directory)
    {
        using ByteSource file = directory.Open(Wire.ProcessFile)
            ?? throw new TraceFormatException(Path.Combine(directory.Path, Wire.ProcessFile), null, "no such file");
        return ReadHeader(file);
    }

    internal static ProcessHeader ReadHeader(ByteSource file)
    {
        string path = file.Path;
        byte[] bytes = file.ReadAll(Unsafe.SizeOf<ProcessHeader>());
        if (bytes.Length < 16 || MemoryMarshal.Read<ulong>(bytes) != Wire.ProcessMagic)
            throw new TraceFormatException(path, 0, "expected the header of a recorded process (magic ALLPROC)");
        ushort major = MemoryMarshal.Read<ushort>(bytes.AsSpan(8));
        if (major > Wire.VersionMajor)
            throw new TraceFormatException(path, 8, $"format version {major} is newer than this program reads ({Wire.VersionMajor}); use a newer allocreplay");
        if (bytes.Length < Unsafe.SizeOf<ProcessHeader>())
            throw new TraceFormatException(path, bytes.Length, $"expected a header of {Unsafe.SizeOf<ProcessHeader>()} bytes, found the end of the file");
        var header = MemoryMarshal.Read<ProcessHeader>(bytes);
        return header.TickShift < 32
            ? header
            : throw new TraceFormatException(path, 28, $"expected a tick shift below 32, found {header.TickShift}");
    }

    internal static ProcessInfo ToInfo(in ProcessHeader header, ByteFolder directory) => new()
    {
        Pid = header.Pid,
        ParentPid = header.ParentPid,
        Executable = Text(header.Executable),
        Arguments = ReadArguments(directory),
        AllocatorPath = Text(header.Allocator),
        AllocatorBuildId = Convert.ToHexStringLower(((ReadOnlySpan<byte>)header.BuildId)[..Math.Min((int)header.BuildIdLength, 31)]),
        Architecture = header.Arch switch { Wire.ArchX8664 => "x86-64", Wire.ArchAArch64 => "aarch64", _ => $"unknown ({header.Arch})" },
        Started = DateTimeOffset.UnixEpoch.AddTicks((long)Math.Min(header.RealtimeNs, long.MaxValue) / 100),
        State = Enum.IsDefined((RecordingState)header.State) ? (RecordingState)header.State : RecordingState.Recording,
        Failure = FailureOf(header),
        LostEvents = header.LostEvents,
        RecordsOperatorNew = (header.Flags & Wire.FlagNewRecorded) != 0,
        Source = (header.Flags & Wire.FlagMallocHook) != 0 ? ProcessInfo.FromMallocHook
            : (header.Flags & Wire.FlagAttached) != 0 ? ProcessInfo.FromAttach : ProcessInfo.FromPreload,
        Forked = (header.Flags & Wire.FlagForked) != 0,
        Sample = Math.Max(1, header.Sample),
        SampleScheme = Enum.IsDefined((SampleScheme)header.SampleScheme) ? (SampleScheme)header.SampleScheme : SampleScheme.Addresses,
        Latency = (header.Flags & Wire.FlagLatency) != 0,
        Stacks = (header.Flags & Wire.FlagStacks) != 0,
        FreeStacks = (header.Flags & Wire.FlagFreeStacks) != 0,
        Regions = (header.Flags & Wire.FlagRegions) != 0,
        LinkedAllocator = (header.Flags & (Wire.FlagLinked | Wire.FlagLinkedPartly)) switch
        {
            0 => null,
            Wire.FlagLinked => ProcessInfo.LinkedRecorded,
            Wire.FlagLinkedPartly => ProcessInfo.LinkedNotRecorded,
            _ => ProcessInfo.LinkedPartly,
        },
        FormatVersion = $"{header.VersionMajor}.{header.VersionMinor}",
    };

    private static string? FailureOf(in ProcessHeader header)
    {
        int errno = header.FailureErrno;
        string what = header.FailureOp switch
        {
            0 => "",
            1 => "could not create the recording",
            2 => "could not grow the tails",
            3 => "could not write events",
            4 => "the program closed the recorder's files",
            5 => ProcessInfo.SizeLimit,
            6 => "the program forbids the processor's counter, by which events are stamped",
            7 => "the disk has no more room than is to be left free",
            uint op => $"failure {op}",
        };
        return what.Length == 0 ? null : errno == 0 ? what : $"{what}: {Marshal.GetPInvokeErrorMessage(errno)}";
    }

    private static string[] ReadArguments(ByteFolder directory)
    {
        string text = ReadText(directory, Wire.CommandLineFile);
        return text.Length == 0 ? [] : text.TrimEnd('\0').Split('\0');
    }

    internal static string ReadText(ByteFolder directory, string name)
    {
        using ByteSource? file = directory.Open(name);
        return file is null ? "" : Encoding.UTF8.GetString(file.ReadAll(TextMax));
    }

    private static string Text(ReadOnlySpan<byte> bytes)
    {
        int end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }
}
