using System.Diagnostics;
using AllocReplay.Formats;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Recording;
using AllocReplay.Recorder.Arena;

namespace AllocReplay.Recorder;

/// <summary>What the recording of a process image is doing, and how much there is of it.</summary>
public sealed record ImageStatus : ControlStatus
{
    internal ImageStatus(ControlStatus status)
        : base(status)
    {
    }

    /// <summary>Bytes of events a second, over the last second; null where that is not known, as of an image that has ended.</summary>
    public double? BytesPerSecond { get; init; }
    /// <summary>Likewise, since it began.</summary>
    public double? BytesPerSecondSinceStart { get; init; }
    /// <summary>Bytes of its files.</summary>
    public required long DiskBytes { get; init; }
    /// <summary>Bytes in shared memory that its threads are done with, and that are not on disk.</summary>
    public long BacklogBytes { get; init; }
    /// <summary>Bytes in shared memory that its threads have begun and not filled: once a second they are copied to disk.</summary>
    public long UnfinishedBytes { get; init; }
    /// <summary>Bytes of shared memory that it has, filled or not.</summary>
    public long HeldBytes { get; init; }
    /// <summary>Times that a thread had to wait for room there.</summary>
    public ulong Waits { get; init; }
    /// <summary>The moment that what follows is of, since its recording began; null where it has ended, or is too much to read.</summary>
    public long? UntilNs { get; init; }
    /// <summary>Events up to then.</summary>
    public long? Events { get; init; }
    /// <summary>Blocks that were live then.</summary>
    public long? LiveBlocks { get; init; }
    /// <summary>Bytes requested for them.</summary>
    public ulong? LiveBytes { get; init; }
}

/// <summary>What a recording is doing, and how much there is of it.</summary>
public sealed record RecordingStatus
{
    /// <summary>Older figures are none of the last second: the drain does not tell any.</summary>
    private const ulong RoundMaxNs = 3_000_000_000;

    /// <summary>The recording's directory.</summary>
    public required string Session { get; init; }
    /// <summary>The process that writes it.</summary>
    public required DrainStatus Drain { get; init; }
    /// <summary>Bytes of events a second of all its process images, over the last second; null where that is not known.</summary>
    public required double? BytesPerSecond { get; init; }
    /// <summary>Likewise, since the recording began.</summary>
    public required double? BytesPerSecondSinceStart { get; init; }
    /// <summary>How long ago that was; null where the recorder was not asked.</summary>
    public required double? RunsSeconds { get; init; }
    /// <summary>Bytes of all its files.</summary>
    public required long DiskBytes { get; init; }
    /// <summary>Bytes of events that each process image may have; 0: any.</summary>
    public required long MaxSize { get; init; }
    /// <summary>Bytes of the recording's latest part that are kept whole; 0: any.</summary>
    public required long KeepBytes { get; init; }
    /// <summary>The same, as a time; 0: any.</summary>
    public required long KeepNs { get; init; }
    /// <summary>Bytes that are free on that disk.</summary>
    public required long DiskFreeBytes { get; init; }
    /// <summary>Bytes in shared memory that threads are done with, and that are not on disk.</summary>
    public required long BacklogBytes { get; init; }
    /// <summary>Bytes in shared memory that threads have begun and not filled: once a second they are copied to disk.</summary>
    public required long UnfinishedBytes { get; init; }
    /// <summary>Bytes of shared memory that are there for it.</summary>
    public required long SharedBytes { get; init; }
    /// <summary>Bytes of it that one process image may have; 0 where there is none.</summary>
    public required long SharedBytesMax { get; init; }
    /// <summary>The process images.</summary>
    public required IReadOnlyList<ImageStatus> Images { get; init; }

    /// <summary>Looks at a recording. Nobody is asked for anything.</summary>
    /// <param name="session">Its directory.</param>
    /// <param name="images">Directories of the process images to tell of.</param>
    /// <exception cref="ControlException">It cannot be read.</exception>
    public static RecordingStatus Of(string session, IReadOnlyList<string> images)
    {
        try
        {
            using ArenaReading? arena = ArenaReading.Open(session);
            ulong now = (ulong)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));
            SessionInfo? info = SessionInfo.Load(session);
            double? runs = info is null ? null : (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).TotalSeconds - info.StartedNs / 1e9;
            IReadOnlyDictionary<uint, ChunkBytes> chunks = arena?.Chunks() ?? new Dictionary<uint, ChunkBytes>();
            ChunkBytes all = chunks.Values.Aggregate(default(ChunkBytes), (a, b) => a + b);
            ArenaRounds rounds = arena?.Rounds() ?? default;
            DrainStatus drain = DrainStatus.Of(arena);
            var slots = arena?.Images().GroupBy(s => (s.Slot.Process.Pid, s.Slot.Process.StartTicks)).ToDictionary(g => g.Key, g => g.First()) ?? [];
            return new RecordingStatus
            {
                Session = session,
                Drain = drain,
                BytesPerSecond = IsOfLate(rounds, now) ? rounds.BytesPerSecond : null,
                BytesPerSecondSinceStart = drain.State != DrainState.Ended && runs > 0 ? rounds.Latest.Bytes / runs : null,
                RunsSeconds = runs,
                DiskBytes = LengthOf(session),
                MaxSize = info?.MaxSize ?? 0,
                KeepBytes = info?.KeepBytes ?? 0,
                KeepNs = info?.KeepNs ?? 0,
                DiskFreeBytes = new DriveInfo(session).AvailableFreeSpace,
                BacklogBytes = all.Given,
                UnfinishedBytes = all.Unfinished,
                SharedBytes = arena?.Backed ?? 0,
                SharedBytesMax = (long)Math.Min(arena?.Header.Quota ?? 0, long.MaxValue),
                Images = [.. images.Select(image => ImageOf(image, arena, slots, chunks, now))],
            };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or TraceFormatException)
        {
            throw new ControlException(e.Message);
        }
    }

    private static ImageStatus ImageOf(
        string directory, ArenaReading? arena, Dictionary<(uint, ulong), ReadSlot> slots, IReadOnlyDictionary<uint, ChunkBytes> chunks, ulong now)
    {
        ControlStatus status;
        ProcessHeader page;
        using (ControlledProcess process = ControlledProcess.Open(directory))
            (status, page) = (process.Status(), process.Page);
        long disk = LengthOf(directory);
        if (!status.Alive || !slots.TryGetValue((page.Pid, page.StartTicks), out ReadSlot? slot))
            return new ImageStatus(status) { DiskBytes = disk };
        ArenaRounds rounds = arena!.RoundsOf(slot);
        ChunkBytes held = chunks.GetValueOrDefault(slot.Index);
        ArenaRound latest = rounds.Latest;
        return new ImageStatus(status)
        {
            BytesPerSecond = IsOfLate(rounds, now) ? rounds.BytesPerSecond : null,
            BytesPerSecondSinceStart = latest.MonoNs > page.StartMonoNs ? latest.Bytes * 1e9 / (latest.MonoNs - page.StartMonoNs) : null,
            DiskBytes = disk,
            BacklogBytes = held.Given,
            UnfinishedBytes = held.Unfinished,
            HeldBytes = (long)Math.Min(slot.Slot.Held, long.MaxValue),
            Waits = slot.Slot.Waits,
        };
    }

    private static bool IsOfLate(in ArenaRounds rounds, ulong now) => rounds.Latest.MonoNs + RoundMaxNs > now;

    private static long LengthOf(string directory) => FileLengths.Sum(directory, "*");
}
