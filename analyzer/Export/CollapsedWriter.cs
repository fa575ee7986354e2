using System.Globalization;
using System.Text;

namespace AllocReplay.Analyzer.Export;

/// <summary>What the weight of a stack counts, where a format has room for one.</summary>
public enum WeightUnit
{
    /// <summary>Bytes requested.</summary>
    Bytes,
    /// <summary>Blocks.</summary>
    Blocks,
}

/// <summary>
/// Collapsed stacks, as flamegraph.pl and many others read them: a line for each stack, its functions from the thread's first one on with semicolons
/// between them, a blank, and its weight. Names are as <see cref="EscapedName"/> writes them.
/// </summary>
public static class CollapsedWriter
{
    /// <summary>Writes a profile.</summary>
    public static void Write(StackProfile profile, WeightUnit unit, Stream output)
    {
        var tree = new CallTree(profile, byName: true);
        byte[][] names = [.. tree.Functions.Select(f => Encoding.UTF8.GetBytes(EscapedName.Of(f.Name)))];
        foreach ((IReadOnlyList<int> functions, long blocks, ulong bytes) in tree.Stacks())
        {
            ulong weight = unit == WeightUnit.Bytes ? bytes : (ulong)blocks;
            if (weight == 0)
                continue; // blocks of no bytes: a stack without width
            for (int i = 0; i < functions.Count; i++)
            {
                if (i > 0)
                    output.WriteByte((byte)';');
                output.Write(names[functions[i]]);
            }
            output.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $" {weight}\n")));
        }
    }
}
