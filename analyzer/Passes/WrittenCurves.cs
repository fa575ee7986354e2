using System.Numerics;
using AllocReplay.Analyzer.Parquet;
using AllocReplay.Analyzer.Query;
using AllocReplay.Analyzer.Tables;
using DuckDB.NET.Data;

namespace AllocReplay.Analyzer.Passes;

/// <summary>
/// Curves of threads or sites, made of the blocks that were written, where they were too many to follow all of them while the trace was read. Which of them
/// have the highest peaks is known at the end only, and their curves alone are then held.
/// </summary>
/// <param name="output">Where the table <c>allocations</c> has been written.</param>
/// <param name="threads">That the engine may use.</param>
/// <param name="token">Ends it.</param>
internal sealed class WrittenCurves(OutputDirectory output, int threads, CancellationToken token)
{
    /// <summary>What the engine may use before it writes to disk: as much as is held for the rows that are being written.</summary>
    private const string Memory = "256MB";

    /// <summary>Those with the highest peaks at a moment, the highest first; of equal ones the least key.</summary>
    /// <param name="column">The column of the key; rows where it is 0 or more (a thread), or is not 0 (a site), have one.</param>
    /// <param name="fromNs">The first moment.</param>
    /// <param name="stepNs">Nanoseconds between two moments.</param>
    /// <param name="most">Curves at the most.</param>
    /// <exception cref="IOException">The disk is full.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IReadOnlyList<(long Key, TimelineCurve Curve)> Highest(TimelineKey column, long fromNs, long stepNs, int most)
    {
        string spill = output.Stage("spill"); // beside the tables: it goes with the rest of the staging directory
        string blocks = Sql.EscapeGlob(output.Stage(DatasetTables.Allocations.Name)) + "/";
        try
        {
            using var connection = new DuckDBConnection("DataSource=:memory:");
            connection.Open();
            string[] settings = [$"SET memory_limit = '{Memory}'", $"SET threads = {threads}", .. Sandbox.Statements(spill, [blocks, output.Staging + "/"])];
            using DuckDBCommand command = connection.CreateCommand();
            foreach (string setting in settings)
            {
                command.CommandText = setting;
                command.ExecuteNonQuery();
            }
            command.CommandText = Statement(column, blocks + "*.parquet", fromNs, stepNs, most);
            using var interrupt = new RepeatedInterrupt(command, token);
            token.ThrowIfCancellationRequested();
            return Read(command);
        }
        catch (DuckDBException e)
        {
            token.ThrowIfCancellationRequested();
            throw new IOException(e.Message.Split('\n')[0], e); // the rows are ours, and whole
        }
    }

    private static List<(long Key, TimelineCurve Curve)> Read(DuckDBCommand command)
    {
        var curves = new List<(long Key, TimelineCurve Curve)>();
        using DuckDBDataReader reader = command.ExecuteReader();
        while (reader.Read())
        {
            long key = reader.GetInt64(0);
            if (curves.Count == 0 || curves[^1].Key != key)
                curves.Add((key, new TimelineCurve()));
            curves[^1].Curve.Change((int)reader.GetInt64(1), Wide(reader, 2), (long)Wide(reader, 3), Wide(reader, 4), (long)Wide(reader, 5));
        }
        return curves;
    }

    private static Int128 Wide(DuckDBDataReader reader, int column) => (Int128)(BigInteger)reader.GetValue(column);

    /// <summary>The changes at each moment, of those with the highest peaks: as <see cref="TimelineCurve.Add"/> makes them of one block.</summary>
    private static string Statement(TimelineKey column, string rows, long fromNs, long stepNs, int most)
    {
        string acquired = Moment("alloc_ns", fromNs, stepNs), ended = $"greatest({acquired}, {Moment("end_ns", fromNs, stepNs)})";
        return $"""
            WITH blocks AS (
                SELECT CAST({column.Name} AS BIGINT) AS key, {acquired} AS acquired, {ended} AS ended, end_kind <> 'alive_at_end' AS ends, size,
                       CASE WHEN carried THEN 0 ELSE 1 END AS is_acquired
                FROM read_parquet({Sql.Literal(rows)})
                WHERE {column.Name} {column.Condition}
            ), changes AS (
                SELECT key, k, sum(bytes) AS bytes, sum(blocks) AS blocks, sum(acquired_bytes) AS acquired_bytes, sum(acquired_blocks) AS acquired_blocks
                FROM (SELECT key, acquired AS k, sum(size) AS bytes, count(*) AS blocks, sum(size * is_acquired) AS acquired_bytes,
                             sum(is_acquired) AS acquired_blocks
                      FROM blocks GROUP BY key, acquired
                      UNION ALL
                      SELECT key, ended, -sum(size), -count(*), 0, 0 FROM blocks WHERE ends GROUP BY key, ended) AS parts
                GROUP BY key, k
            ), peaks AS (
                SELECT key, greatest(max(live), 0) AS peak
                FROM (SELECT key, sum(bytes) OVER (PARTITION BY key ORDER BY k) AS live FROM changes) AS running
                GROUP BY key
                ORDER BY peak DESC, key
                LIMIT {most}
            )
            SELECT c.key, c.k, c.bytes, c.blocks, c.acquired_bytes, c.acquired_blocks
            FROM changes c
            JOIN peaks p ON p.key = c.key
            ORDER BY p.peak DESC, c.key, c.k
            """;
    }

    /// <summary>The first moment not before a time. The sum of time and step may exceed 64 bits.</summary>
    private static string Moment(string ns, long fromNs, long stepNs)
    {
        string since = fromNs == 0 ? ns : FormattableString.Invariant($"greatest({ns} - {fromNs}, 0)");
        return $"({since} // {stepNs} + CASE WHEN {since} % {stepNs} > 0 THEN 1 ELSE 0 END)";
    }
}

/// <summary>What a curve is of, as a column of the table <c>allocations</c>.</summary>
/// <param name="Name">The column.</param>
/// <param name="Condition">What holds for it where there is one.</param>
internal readonly record struct TimelineKey(string Name, string Condition)
{
    /// <summary>The thread that acquired a block.</summary>
    public static TimelineKey Thread => new("alloc_thread", ">= 0");

    /// <summary>The site where it was.</summary>
    public static TimelineKey Site => new("site", "<> 0");
}
