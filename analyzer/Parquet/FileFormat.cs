using Parquet;

namespace AllocReplay.Analyzer.Parquet;

/// <summary>How the columns of a dataset's files are compressed. Every engine reads all of them.</summary>
public enum DatasetCompression
{
    /// <summary>Zstandard at its fastest level.</summary>
    Zstd,
    /// <summary>Snappy: larger, and a little faster to read and write.</summary>
    Snappy,
    /// <summary>Deflate, for what reads nothing else.</summary>
    Gzip,
    /// <summary>Not at all.</summary>
    None,
}

/// <summary>What all files of a dataset have in common.</summary>
/// <param name="Metadata">What each says of itself, so that one file alone can be understood.</param>
/// <param name="Compression">Of its columns.</param>
internal sealed record FileFormat(IReadOnlyDictionary<string, string> Metadata, DatasetCompression Compression = DatasetCompression.Zstd)
{
    public CompressionMethod Method => Compression switch
    {
        DatasetCompression.Snappy => CompressionMethod.Snappy,
        DatasetCompression.Gzip => CompressionMethod.Gzip,
        DatasetCompression.None => CompressionMethod.None,
        _ => CompressionMethod.Zstd,
    };
}
