using System.Buffers;
using System.IO.Hashing;
using System.Text;
using AllocReplay.Formats;
using AllocReplay.Replayer.Order;

namespace AllocReplay.Replayer.Plan;

/// <summary>What a plan was compiled from, and how: a plan kept in a file may stand for compiling it once more where all of this is the same.</summary>
/// <param name="Trace">A hash of the names and bytes of all the trace's files, wherever they lie; hexadecimal.</param>
/// <param name="Image">The process image.</param>
/// <param name="Range">The part of it, or null for all.</param>
/// <param name="Order">The order that it keeps.</param>
/// <param name="IsTimed">Whether it has the calls' times.</param>
public sealed record PlanIdentity(string Trace, string Image, TraceRange? Range, ReplayOrder Order, bool IsTimed)
{
    /// <summary>Reads all of the trace's files.</summary>
    /// <exception cref="IOException">One cannot be read.</exception>
    public static PlanIdentity Of(TraceReader reader, PlanOptions options) =>
        new(HashOf(reader.Path), reader.Image, reader.Range, options.Order, options.IsTimed);

    private static string HashOf(string path)
    {
        string root = Path.GetFullPath(path);
        string[] files = File.Exists(root) ? [root] : [.. Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
        var hash = new XxHash128();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(1 << 20);
        try
        {
            foreach (string file in files)
            {
                using FileStream stream = File.OpenRead(file);
                // A file by itself may be renamed.
                hash.Append(Encoding.UTF8.GetBytes($"{(file == root ? "" : Path.GetRelativePath(root, file))}\0{stream.Length}\0"));
                for (int read; (read = stream.Read(buffer)) > 0;)
                    hash.Append(buffer.AsSpan(0, read));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }
}
