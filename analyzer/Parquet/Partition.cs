using System.Text;

namespace AllocReplay.Analyzer.Parquet;

/// <summary>
/// The place of one process image in a dataset: <c>DIR/TABLE/host=…/process=…</c>, the layout in which engines find the columns
/// <c>host</c> and <c>process</c>.
/// </summary>
internal sealed class Partition
{
    private const string UnknownHost = "unknown";
    private static readonly string[] MeansNull = ["NULL", "__HIVE_DEFAULT_PARTITION__"];
    private const int NameLengthMax = 200; // of the 255 bytes that a file name may have

    public Partition(string host, string process)
    {
        Host = host.Length > 0 ? host : UnknownHost;
        Process = process;
        Key = Path.Combine("host=" + Escape(Host), "process=" + Escape(Process));
    }

    private Partition() => (Host, Process, Key) = ("", "", "");

    /// <summary>Of files that hold every process image, and tell host and process in columns of their own.</summary>
    public static Partition Whole { get; } = new();

    public string Host { get; }
    public string Process { get; }

    /// <summary>Path below a table's directory.</summary>
    public string Key { get; }

    public string DirectoryOf(string root, string table) => Path.Combine(root, table, Key);

    /// <summary>
    /// Percent-encodes what is not a letter, a digit, a dot, an underscore or a dash, as Hive does and engines undo. A host name
    /// comes from the trace, hence from strangers: it must stay one path component.
    /// </summary>
    internal static string Escape(string value)
    {
        var escaped = new StringBuilder();
        foreach (byte b in Encoding.UTF8.GetBytes(value))
        {
            string piece = b < 0x80 && (char.IsAsciiLetterOrDigit((char)b) || b is (byte)'.' or (byte)'_' or (byte)'-')
                ? ((char)b).ToString()
                : $"%{b:X2}";
            if (escaped.Length + piece.Length > NameLengthMax)
                break;
            escaped.Append(piece);
        }
        // As it stands, engines would read no value there; encoded, a value.
        if (MeansNull.Contains(value, StringComparer.OrdinalIgnoreCase))
            escaped.Remove(0, 1).Insert(0, $"%{(int)value[0]:X2}");
        return escaped.ToString();
    }
}
