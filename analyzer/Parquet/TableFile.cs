using System.IO.Compression;
using AllocReplay.Formats.Files;
using Parquet;
using Parquet.Schema;

namespace AllocReplay.Analyzer.Parquet;

/// <summary>One Parquet file being written, row group by row group. It can be read once it is disposed: the footer comes last.</summary>
internal sealed class TableFile : IAsyncDisposable
{
    private readonly FileStream _stream;
    private readonly ParquetWriter _writer;
    private readonly DataField[] _fields;

    private TableFile(FileStream stream, ParquetWriter writer, DataField[] fields) =>
        (_stream, _writer, _fields) = (stream, writer, fields);

    /// <summary>File name of a part of a table.</summary>
    public static string PartName(int part) => $"part-{part:00000}.parquet";

    public static async Task<TableFile> CreateAsync(
        string path, IReadOnlyList<Column> columns, FileFormat format, CancellationToken token)
    {
        DataField[] fields = columns.Select(c => c.CreateField()).ToArray();
        var options = new ParquetOptions
        {
            CompressionMethod = format.Method,
            // The default, SmallestSize, is zstd's slowest level: a tenth of the speed for a few percent.
            CompressionLevel = CompressionLevel.Fastest,
        };
        foreach (Column column in columns)
            options.ColumnEncodingHints[column.Name] = column.Encoding;
        var stream = PrivateFile.Create(path, FileMode.CreateNew, FileAccess.ReadWrite);
        try
        {
            ParquetWriter writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields), stream, options, cancellationToken: token)
                .ConfigureAwait(false);
            writer.CustomMetadata = format.Metadata;
            return new TableFile(stream, writer, fields);
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Writes a whole table of one row group.</summary>
    public static async Task WriteTableAsync(
        string path, IReadOnlyList<Column> columns, int rows, FileFormat format, CancellationToken token)
    {
        TableFile file = await CreateAsync(path, columns, format, token).ConfigureAwait(false);
        await using (file.ConfigureAwait(false))
            await file.WriteAsync(columns, rows, token).ConfigureAwait(false);
    }

    public async Task WriteAsync(IReadOnlyList<Column> columns, int rows, CancellationToken token)
    {
        using ParquetRowGroupWriter group = _writer.CreateRowGroup();
        for (int i = 0; i < columns.Count; i++)
            await columns[i].WriteAsync(group, _fields[i], rows, token).ConfigureAwait(false);
        group.CompleteValidate();
    }

    public async ValueTask DisposeAsync()
    {
        await _writer.DisposeAsync().ConfigureAwait(false);
        await _stream.DisposeAsync().ConfigureAwait(false);
    }
}
