using System.IO.Compression;
using AllocReplay.Formats.Files;
using AllocReplay.Formats.Merge;
using AllocReplay.Formats.Packed;

namespace AllocReplay.Formats.Import;

/// <summary>What an import read and wrote.</summary>
/// <param name="Lines">Lines of the input.</param>
/// <param name="Events">Events written.</param>
/// <param name="Threads">Threads: each life of a thread id is one.</param>
/// <param name="ThreadIds">Different thread ids.</param>
/// <param name="Bytes">Size of the file.</param>
public sealed record ImportResult(long Lines, long Events, int Threads, int ThreadIds, long Bytes);

/// <summary>
/// Makes packed traces of what other tools recorded. The input is streamed, from inside a zip archive too: memory is bounded
/// whatever its size. SPEC.md, "Imported traces", says what becomes of each line.
/// </summary>
public static class TraceImporter
{
    private static readonly (string Name, Func<LineReader, ImportWriter, int> Read)[] Known =
    [
        ("android", AndroidTrace.Read),
        ("malloclab", MallocLabTrace.Read),
    ];

    /// <summary>The formats that can be imported.</summary>
    public static IReadOnlyList<string> Formats { get; } = [.. Known.Select(k => k.Name)];

    /// <summary>Imports a file. The trace appears under its name only when it is whole.</summary>
    /// <param name="format">One of <see cref="Formats"/>.</param>
    /// <param name="path">The file: text, or a zip archive of one text file.</param>
    /// <param name="output">The packed trace to write.</param>
    /// <param name="replace">Whether a file of that name is replaced, also one that appears meanwhile.</param>
    /// <param name="progress">Told the share that is done, from 0 to 1.</param>
    /// <param name="cancellation">Ends it early; nothing is left behind.</param>
    /// <exception cref="TraceFormatException">The file is missing, or is not of that format: the message names the line.</exception>
    /// <exception cref="TraceNotWritableException">The trace cannot be written, or is there and not to be replaced.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static ImportResult Import(
        string format, string path, string output, bool replace = true, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        if (Directory.Exists(path))
            throw new TraceFormatException(path, null, "expected a file, found a directory");
        if (!File.Exists(path))
            throw new TraceFormatException(path, null, "there is no such file");
        using var file = new FileStream(FileKind.Open(path, followsLinks: true), FileAccess.Read);
        double length = Math.Max(1, file.Length);
        void Report() => progress?.Report(Math.Min(1, file.Position / length));
        if (!IsZip(file))
            return Import(format, file, path, System.IO.Path.GetFileName(path), output, replace, Report, cancellation);
        try
        {
            using var archive = new ZipArchive(file, ZipArchiveMode.Read);
            ZipArchiveEntry[] entries = [.. archive.Entries.Where(e => e.Name.Length > 0)];
            if (entries.Length != 1)
                throw new TraceFormatException(path, null, $"expected an archive of one file, found {entries.Length} files in it");
            using Stream text = entries[0].Open();
            return Import(format, text, path, entries[0].Name, output, replace, Report, cancellation);
        }
        catch (Exception e) when (e is InvalidDataException or NotSupportedException)
        {
            throw new TraceFormatException(path, null, $"expected a zip archive that can be read ({e.Message.TrimEnd('.')})");
        }
    }

    /// <summary>Imports a stream of text, as <see cref="Import(string, string, string, bool, IProgress{double}?, CancellationToken)"/> does a file.</summary>
    /// <param name="format">One of <see cref="Formats"/>.</param>
    /// <param name="input">The text, to its end.</param>
    /// <param name="name">What messages and the trace call it.</param>
    /// <param name="output">The packed trace to write.</param>
    /// <param name="replace">Whether a file of that name is replaced, also one that appears meanwhile.</param>
    /// <param name="cancellation">Ends it early, between reads; nothing is left behind.</param>
    /// <exception cref="TraceFormatException">The text is not of that format: the message names the line.</exception>
    /// <exception cref="TraceNotWritableException">The trace cannot be written, or is there and not to be replaced.</exception>
    /// <exception cref="IOException">The input cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static ImportResult Import(
        string format, Stream input, string name, string output, bool replace = true, CancellationToken cancellation = default) =>
        Import(format, input, name, name, output, replace, () => { }, cancellation);

    private static ImportResult Import(
        string format, Stream input, string path, string program, string output, bool replace, Action progressed, CancellationToken cancellation)
    {
        Func<LineReader, ImportWriter, int> read = Known.FirstOrDefault(k => k.Name == format).Read
            ?? throw new ArgumentException($"expected one of {string.Join(", ", Formats)}, found {format}", nameof(format));
        using var pack = new PackWriter(output, replace);
        var writer = new ImportWriter(pack);
        var lines = new LineReader(input, path)
        {
            Progressed = () =>
            {
                cancellation.ThrowIfCancellationRequested();
                progressed();
            },
        };
        int threadIds = read(lines, writer);
        if (writer.Events == 0)
            throw new TraceFormatException(path, null, $"expected calls, found none in {lines.Number} lines");
        writer.End();
        pack.WriteImageBefore(Describe(format, program, writer));
        pack.WriteImageEnd(0, new ImageEnd { Events = writer.Events, Damage = null });
        cancellation.ThrowIfCancellationRequested();
        pack.Complete();
        return new ImportResult(lines.Number, writer.Events, writer.OsTids.Count, threadIds, new FileInfo(output).Length);
    }

    /// <summary>What is known of the process when all was read.</summary>
    internal static ImageMetadata Describe(string format, string program, ImportWriter writer) => new()
    {
        Name = "p0.0",
        Process = ProcessOf(format, program, writer.Latency),
        Clock = writer.Clock,
        Threads = [.. writer.OsTids.Select((tid, i) => new StreamInfo(i, (uint)i, tid, ""))],
        Intervals = [new Interval(1, 0, null)],
        Markers = [],
        Maps = "",
    };

    private static ProcessInfo ProcessOf(string format, string program, bool latency) => new()
    {
        Pid = 0,
        ParentPid = 0,
        Executable = string.Concat(program.Where(c => !char.IsControl(c))),
        Arguments = [],
        AllocatorPath = "",
        AllocatorBuildId = "",
        Architecture = "",
        Started = DateTimeOffset.UnixEpoch,
        State = RecordingState.Exited,
        Failure = null,
        LostEvents = 0,
        RecordsOperatorNew = false,
        Source = ProcessInfo.Imported + format,
        Forked = false,
        Sample = 1,
        Latency = latency,
        FormatVersion = $"{PackedWire.VersionMajor}.{PackedWire.VersionMinor}",
    };

    private static bool IsZip(FileStream file)
    {
        Span<byte> magic = stackalloc byte[4];
        int read = file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false);
        file.Position = 0;
        // An archive without entries has the second form.
        return read == magic.Length && (magic.SequenceEqual("PK\x03\x04"u8) || magic.SequenceEqual("PK\x05\x06"u8));
    }
}
