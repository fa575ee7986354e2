using System.Globalization;
using System.Runtime.InteropServices;

namespace AllocReplay.Cli.Output;

/// <summary>The machine that figures are of. What it does not tell is empty, or 0.</summary>
/// <param name="Kernel">Its kernel and release.</param>
/// <param name="Architecture">Architecture of its processors.</param>
/// <param name="Cpu">Their model.</param>
/// <param name="Cpus">Processors that this process may run on.</param>
/// <param name="MemoryBytes">Memory of the machine, bytes.</param>
internal sealed record MachineFacts(string Kernel, string Architecture, string Cpu, int Cpus, long MemoryBytes)
{
    public static MachineFacts Read() => new(
        RuntimeInformation.OSDescription,
        RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant(),
        FieldOf("/proc/cpuinfo", "model name") ?? "",
        Environment.ProcessorCount,
        BytesOf(FieldOf("/proc/meminfo", "MemTotal")));

    /// <summary>Bytes of a size as the kernel writes it, <c>8388608 kB</c>.</summary>
    private static long BytesOf(string? text) =>
        long.TryParse(text?.Replace(" kB", "", StringComparison.Ordinal), NumberStyles.None, CultureInfo.InvariantCulture, out long kib) ? kib << 10 : 0;

    /// <summary>The first value of that name in a file of lines of names and values; null where there is none, or no such file.</summary>
    private static string? FieldOf(string file, string name)
    {
        try
        {
            return File.ReadLines(file).Select(l => l.Split(':', 2)).FirstOrDefault(l => l.Length == 2 && l[0].Trim() == name)?[1].Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
