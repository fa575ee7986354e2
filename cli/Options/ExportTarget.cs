using AllocReplay.Analyzer.Export;
using AllocReplay.Cli.Output;

namespace AllocReplay.Cli.Options;

/// <summary>Which tool's file an export is.</summary>
internal enum ExportFormat { Collapsed, Speedscope, Pprof, Heaptrack }

/// <summary>Where an export goes, and what opens it there.</summary>
/// <param name="Format">The format.</param>
/// <param name="File">The file, or null for standard output.</param>
internal readonly record struct ExportTarget(ExportFormat Format, OutputFile? File)
{
    private const string HeaptrackEnding = ".gz";

    /// <exception cref="UsageException">It cannot be written there, or would be of no use.</exception>
    public void Refuse()
    {
        if (File is { } file)
        {
            // By this alone heaptrack knows that it is compressed.
            if (Format == ExportFormat.Heaptrack && !file.Name.EndsWith(HeaptrackEnding, StringComparison.Ordinal))
                throw new UsageException($"{file.Name}: heaptrack goes by the ending of a name, and opens this as {file.Name}{HeaptrackEnding}");
            file.Refuse();
        }
        else if (Format is ExportFormat.Pprof or ExportFormat.Heaptrack && !Console.IsOutputRedirected)
        {
            throw new UsageException($"--format {Word}: is not text, and standard output is a terminal; -o FILE{(Format == ExportFormat.Heaptrack
                ? HeaptrackEnding : "")} writes a file");
        }
    }

    /// <summary>Writes what is exported, whole or not at all where it is a file.</summary>
    public T Write<T>(Terminal terminal, Func<Stream, T> write)
    {
        if (File is { } file)
            return OutputFileWriter.Write(file.Name, file.Force, write);
        // Small pieces are put together: each would be a system call.
        using var output = new BufferedStream(new DataStream(terminal.Out), 1 << 16);
        return write(output);
    }

    /// <summary>The command that opens it, as one types it.</summary>
    public string Opener
    {
        get
        {
            string file = File is { } f ? TextLine.Quote(f.Name) : "FILE";
            return Format switch
            {
                ExportFormat.Speedscope => $"speedscope {file}",
                ExportFormat.Pprof => $"go tool pprof -http=: {file}",
                ExportFormat.Heaptrack => $"heaptrack_gui {file}",
                _ => $"flamegraph.pl {file} > {(File is { } g ? TextLine.Quote(Path.ChangeExtension(g.Name, ".svg")) : "FILE.svg")}",
            };
        }
    }

    private string Word => Format.ToString().ToLowerInvariant();
}
