using System.Text.Json.Serialization;
using AllocReplay.Analyzer.Parquet;
using AllocReplay.Formats;
using AllocReplay.Formats.Stacks;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Analyzer.Passes;

/// <summary>What to analyze into.</summary>
public sealed record AnalysisOptions
{
    /// <summary>The dataset's directory.</summary>
    public required string Directory { get; init; }
    /// <summary>Write into a directory that is not empty, replacing the tables of the same host and process.</summary>
    public bool Force { get; init; }
    /// <summary>Write what is readable of a damaged trace.</summary>
    public bool Partial { get; init; }
    /// <summary>Write the table <c>events</c> too.</summary>
    public bool Events { get; init; }
    /// <summary>How the files are compressed.</summary>
    public DatasetCompression Compression { get; init; }
    /// <summary>How many threads compress and write at a time, beside one that reads and one that matches; 1 or more.</summary>
    public int WriterThreads { get; init; } = Math.Min(Environment.ProcessorCount, 4);
    /// <summary>Gives what is known of the functions on a process image's stacks; null: the symbols that are stored in the trace.</summary>
    public Func<TraceReader, SymbolTable>? Symbols { get; init; }
}

/// <summary>A table that was written.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Rows">Rows of this process.</param>
/// <param name="Files">Files that they are in.</param>
/// <param name="Bytes">Bytes of those files.</param>
public sealed record TableResult(string Name, long Rows, int Files, long Bytes);

/// <summary>What an analysis of all process images of a trace wrote.</summary>
/// <param name="Dataset">The dataset's directory.</param>
/// <param name="Images">What it wrote of each, busiest first.</param>
/// <param name="Without">Those that do not have the part of the trace that was chosen: nothing was written of them.</param>
public sealed record SessionAnalysis(string Dataset, IReadOnlyList<AnalysisResult> Images, IReadOnlyList<ImageWithoutPart> Without);

/// <summary>A process image that does not have the interval or the marks that were named.</summary>
/// <param name="Image">Its name.</param>
/// <param name="Reason">What it does not have.</param>
public sealed record ImageWithoutPart(string Image, string Reason);

/// <summary>What an analysis of a process image wrote.</summary>
public sealed record AnalysisResult
{
    /// <summary>The dataset's directory.</summary>
    public required string Dataset { get; init; }
    /// <summary>Value of the partition column <c>host</c>.</summary>
    public required string Host { get; init; }
    /// <summary>Value of the partition column <c>process</c>.</summary>
    public required string Process { get; init; }
    /// <summary>The tables; that of the blocks first.</summary>
    public required IReadOnlyList<TableResult> Tables { get; init; }
    /// <summary>Events read.</summary>
    public required long Events { get; init; }
    /// <summary>How long it took.</summary>
    public required long ElapsedNs { get; init; }
    /// <summary>The damage that the trace has, or null.</summary>
    public required string? Damage { get; init; }
    /// <summary>Of how many blocks, or bytes, one was chosen; 1 where all blocks were recorded.</summary>
    public required uint Sample { get; init; }
    /// <summary>How, where not all were.</summary>
    public required SampleScheme SampleScheme { get; init; }
    /// <summary>Which of the program's blocks are in it.</summary>
    [JsonIgnore]
    public Sampling Sampling => new(SampleScheme, Sample);
    /// <summary>What that says of the program's blocks; exact where all are there.</summary>
    public required EstimatedBlocks Estimates { get; init; }
}
