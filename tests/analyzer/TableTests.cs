using System.Globalization;
using System.Reflection;
using System.Text;
using AllocReplay.Analyzer.Parquet;
using AllocReplay.Analyzer.Query;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;
using AllocReplay.Tests.Support;
using ParquetSharp;

namespace AllocReplay.Tests.Analyzer;

/// <summary>A column is one property of a row type: what else there is of it follows from that.</summary>
public sealed class TableTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    /// <summary>A property of each type that a column can have, as a new one would be added; and one that is no column.</summary>
    internal readonly record struct AnyRow
    {
        [Column("whole", "bytes", "A number of 64 bits.")]
        public long Whole { get; init; }
        [Column("small", "thread", "A number of 32 bits.", Since = 7)]
        public int Small { get; init; }
        [Column("share", "times", "A number with a fraction.")]
        public double Share { get; init; }
        [Column("guess", "blocks", "An estimate, and how far it may be off.", Since = 8)]
        public EstimatedTotal Guess { get; init; }
        [Column("flag", "yes or no", "Whether it is so.")]
        public bool Flag { get; init; }
        [Column("text", "text", "Words.")]
        public string Text { get; init; }
        [Column("kind", "name", "A call.")]
        public CallKind Kind { get; init; }
        public long NotAColumn => Whole + 1;
    }

    private readonly record struct WrongRow
    {
        [Column("wrong", "°C", "What no engine would read.")]
        public decimal Wrong { get; init; }
    }

    [Fact]
    public void Every_property_with_the_attribute_is_a_column_and_both_engines_read_its_values_back()
    {
        AnyRow[] rows = Enumerable.Range(0, 1000).Select(i => new AnyRow
        {
            Whole = i % 2 == 0 ? long.MaxValue - i : long.MinValue + i,
            Small = -i,
            Share = i / 7.0,
            Guess = new EstimatedTotal(i * 3.5, i % 4 == 0 ? null : i / 2.0),
            Flag = i % 3 == 0,
            Text = i % 5 == 0 ? "" : $"é{i}",
            Kind = i % 2 == 0 ? CallKind.Malloc : CallKind.AlignedAlloc,
        }).ToArray();
        var table = new Table<AnyRow>("samples", "One row for each number.", since: 7);
        Write(table, rows, "data/samples/host=h/process=p");

        Assert.Equal(["whole", "small", "share", "guess", "guess_error", "flag", "text", "kind"], table.Columns.Select(c => c.Name));
        Assert.Equal(("blocks", 8), (table.Columns[4].Unit, table.Columns[4].Since));
        List<object[]> expected = rows.Select(r => new object[]
        {
            r.Whole, r.Small, r.Share, r.Guess.Estimate, r.Guess.StandardError ?? -1, r.Flag, r.Text, CallKinds.CallName(r.Kind),
        }).ToList();
        Assert.Equal(expected, ByParquetSharp(_directory["data/samples/host=h/process=p/part-00000.parquet"]));
        using DatasetQuery query = DatasetQuery.Open(Dataset(), [.. DatasetTables.All, table]);
        using QueryResult result = query.Run("SELECT * FROM samples ORDER BY small DESC");
        Assert.Equal(expected.Select(r => (object?[])[.. r, "h", "p"]), result.ReadRows());
    }

    [Fact]
    public void A_property_of_another_type_is_refused_by_name() =>
        Assert.Contains("column wrong", Assert.ThrowsAny<Exception>(() => new Table<WrongRow>("wrong", "No row.")).Message, StringComparison.Ordinal);

    [Fact]
    public void A_dataset_without_the_newest_table_and_columns_reads_them_as_empty_and_null()
    {
        var newer = new Table<AnyRow>("newer", "One row for each number.", since: 7);
        string dataset = Dataset();
        // An older version wrote the other columns of this table.
        Write(new Table<OldRow>("aged", "One row."), [new OldRow { Whole = 3 }], "data/aged/host=h/process=p");
        var aged = new Table<AnyRow>("aged", "One row.", since: 7);

        using DatasetQuery query = DatasetQuery.Open(dataset, [.. DatasetTables.All, newer, aged]);
        Assert.Empty(query.Run("SELECT whole, host FROM newer").ReadRows());
        Assert.Equal([3L, null, null, "h"], query.Run("SELECT whole, small, text, host FROM aged").ReadRow()!);
        Assert.Equal(
            ["BIGINT", "INTEGER", "DOUBLE", "DOUBLE", "DOUBLE", "BOOLEAN", "VARCHAR", "VARCHAR", "VARCHAR", "VARCHAR"],
            query.Run("SELECT column_type FROM (DESCRIBE newer)").ReadRows().Select(r => r[0]!));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Of_many_files_one_may_be_of_an_older_version(bool isOlder)
    {
        string dataset = Dataset();
        var older = new Table<OldRow>("aged", "One row.");
        var aged = new Table<AnyRow>("aged", "One row.", since: 7);
        for (int i = 0; i < 2 * SourceViews.Many; i++)
            Write(aged, [new AnyRow { Whole = i, Text = "new" }], $"data/aged/host=h/process=p{i}");
        File.Delete(_directory["data/aged/host=h/process=p9/part-00000.parquet"]);
        if (isOlder)
            Write(older, [new OldRow { Whole = 9 }], "data/aged/host=h/process=p9");
        else
            Write(aged, [new AnyRow { Whole = 9, Text = "new" }], "data/aged/host=h/process=p9");

        using DatasetQuery query = DatasetQuery.Open(dataset, [.. DatasetTables.All, aged]);
        Assert.Equal(Enumerable.Range(0, 2 * SourceViews.Many).Select(i => new object?[] { (long)i, isOlder && i == 9 ? null : "new", $"p{i}" }),
            query.Run("SELECT whole, text, process FROM aged ORDER BY whole").ReadRows());
    }

    private readonly record struct OldRow
    {
        [Column("whole", "bytes", "A number of 64 bits.")]
        public long Whole { get; init; }
    }

    [Fact]
    public void A_filter_reaches_the_files_behind_the_view_of_a_table()
    {
        using DatasetQuery query = DatasetQuery.Open(Dataset());
        string plan = string.Concat(query.Run("EXPLAIN SELECT object FROM allocations WHERE size > 1000 AND host = 'x'").ReadRows().Select(r => r[1]));
        Assert.Contains("READ_PARQUET", plan, StringComparison.Ordinal);
        Assert.DoesNotContain("FILTER ", plan, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_column_of_every_table_is_documented_and_of_a_version_that_there_is()
    {
        Assert.Equal(DatasetTables.All.Select(t => t.Name).Distinct(), DatasetTables.All.Select(t => t.Name));
        foreach (Table table in DatasetTables.All)
        {
            Assert.Matches(@"^One row .{5,}\.$", table.Meaning);
            Assert.Equal(table.Columns.Select(c => c.Name).Distinct(), table.Columns.Select(c => c.Name));
            foreach (ColumnInfo column in table.Columns)
            {
                Assert.Matches("^[a-z][a-z_]*$", column.Name);
                Assert.False(column.Name is "host" or "process", column.Name);
                Assert.NotEmpty(column.Unit);
                Assert.True(column.Meaning.Length > 5, column.Name);
                Assert.InRange(column.Since, table.Since, DatasetTables.Version);
            }
        }
        Assert.Contains(DatasetTables.All.SelectMany(t => t.Columns), c => c.Since == DatasetTables.Version);
    }

    [Fact]
    public void Every_public_property_of_a_row_type_is_a_column()
    {
        foreach (Type row in new[]
        {
            typeof(AllocationRow), typeof(ThreadRow), typeof(ProcessRow), typeof(SiteRow), typeof(StackRow), typeof(StackFrameRow), typeof(FrameRow),
            typeof(ModuleRow),
        })
            Assert.All(row.GetProperties(BindingFlags.Public | BindingFlags.Instance), p => Assert.NotNull(p.GetCustomAttribute<ColumnAttribute>()));
    }

    [Fact]
    public void The_reference_of_the_dataset_is_what_the_tables_say()
    {
        string path = Path.Combine(SourceTree.Root, "docs/reference/dataset.md");
        string expected = Reference();
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
            File.WriteAllText(path, expected);
        Assert.Equal(expected, File.ReadAllText(path));
    }

    private static string Reference()
    {
        var page = new StringBuilder("""
            # The dataset

            What `allocreplay analyze TRACE -o DIR` writes: a directory of Parquet files that DuckDB, ClickHouse, Spark, Trino and the rest read as
            tables, `DIR/TABLE/host=HOST/process=PROCESS/part-NNNNN.parquet`. `host` and `process` are columns of every table, of text; the names of the
            directories hold them, percent-encoded as Hive does. A host whose name engines take for no value (`NULL`, `__HIVE_DEFAULT_PARTITION__`) is
            encoded too, so that it comes back; without a name it is `unknown`. Many traces can share a dataset: one more is a directory more.
            It holds what the trace held: files are 0600, and directories that are made 0700.

            Columns are INT64, INT32, DOUBLE, BOOLEAN or STRING, and never null. Numbers are signed, as not every engine reads others: what may exceed
            2^63−1 says what becomes of it. Times are nanoseconds since the start of the recording, `process.started_epoch_ns`.

            Call stacks are there when they were recorded (`record --stacks auto`). `allocations.alloc_stack` leads to `stacks`, from there `stack_frames` to
            `frames` and `modules`; each number of a stack is in `stacks`, or 0, and `sites` has a row for each `site` of a block. A site is what stacks with
            the same functions have in common: in another run, on another machine and after another compilation it has the same number, so join and compare
            datasets by `site`, never by `stack`. Names are those of the symbols that the trace holds, or that `analyze` was given. Without stacks these
            tables have no rows, those columns are 0, and `query` says so. What the views over sites mean: [find a leak](../guide/find-a-leak.md).

            A recording of which only the latest part was kept (`record --keep`) is whole from `process.window_from_ns` on: the window. Of what was
            before, there are the blocks that were live when it began, rows of `allocations` that say `carried`, with true times, sizes, threads and
            stacks. They are in all that is told of live blocks (`alive_at_end`, `live_bytes`, peaks, `timeline`), and in nothing that counts calls or
            what was acquired (`calls`, `acquisitions`, `bytes_acquired`, `sites.blocks`): `carried_blocks` counts them. Lifetimes want care. A
            carried block is there because it lived long; those that were acquired beside it and freed are not. So a share of blocks that lived long,
            a mean or a median lifetime counts the rows that are not `carried`, whose whole lives were seen or are cut off by the end alone. An age
            (`lifetime_ns` of a block that is live at the end) is true of both. At a moment before the window it is not known what was live, only what
            of it was live when the window began. A block that is `uncertain` looks live and may have been freed unseen. All named views do so, and
            say so.

            `allocreplay query` shows a column that a dataset does not have, because an older version wrote it, as NULL, and such a table as empty. Each file
            says its version in its metadata (`allocreplay.dataset_version`); without it, it is version 1.

            This page is made from the tables in `analyzer/Tables`.

            """.ReplaceLineEndings("\n"));
        foreach (Table table in DatasetTables.All)
        {
            page.Append(CultureInfo.InvariantCulture, $"\n## {table.Name}\n\n{table.Meaning}\n\n");
            page.Append("| column | type | unit | since | what it tells |\n|---|---|---|---|---|\n");
            foreach (ColumnInfo column in table.Columns)
            {
                string type = column.Type == ColumnType.Text ? "STRING" : column.Type.ToString().ToUpperInvariant();
                page.Append(CultureInfo.InvariantCulture, $"| `{column.Name}` | {type} | {column.Unit} | {column.Since} | {column.Meaning} |\n");
            }
        }
        return page.ToString();
    }

    private string Dataset()
    {
        SampleTrace.Write(_directory["trace"]);
        Directory.CreateDirectory(_directory["data"]);
        SampleTrace.Analyze(_directory["trace"], _directory["data"], force: true);
        return _directory["data"];
    }

    private void Write<TRow>(Table<TRow> table, TRow[] rows, string directory) where TRow : struct
    {
        Directory.CreateDirectory(_directory[directory]);
        TableFile.WriteTableAsync(
            Path.Combine(_directory[directory], TableFile.PartName(0)), table.CreateBatch(rows).Columns, rows.Length,
            new FileFormat(new Dictionary<string, string>()), TestContext.Current.CancellationToken).GetAwaiter().GetResult();
    }

    private static List<object[]> ByParquetSharp(string path)
    {
        using var file = new ParquetFileReader(path);
        using RowGroupReader group = file.RowGroup(0);
        int rows = (int)group.MetaData.NumRows;
        object[][] columns = Enumerable.Range(0, file.FileMetaData.NumColumns).Select(i => group.MetaData.Schema.Column(i).PhysicalType switch
        {
            PhysicalType.Int64 => group.Column(i).LogicalReader<long>().ReadAll(rows).Cast<object>().ToArray(),
            PhysicalType.Int32 => group.Column(i).LogicalReader<int>().ReadAll(rows).Cast<object>().ToArray(),
            PhysicalType.Double => group.Column(i).LogicalReader<double>().ReadAll(rows).Cast<object>().ToArray(),
            PhysicalType.Boolean => group.Column(i).LogicalReader<bool>().ReadAll(rows).Cast<object>().ToArray(),
            _ => group.Column(i).LogicalReader<string>().ReadAll(rows).Cast<object>().ToArray(),
        }).ToArray();
        return Enumerable.Range(0, rows).Select(r => columns.Select(c => c[r]).ToArray()).ToList();
    }
}
