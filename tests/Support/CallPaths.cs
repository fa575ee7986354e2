using System.Collections.Concurrent;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Tests.Support;

/// <summary>The stacks of the targets call_paths.*, whose blocks of one size each are acquired by known paths.</summary>
internal static class CallPaths
{
    private static readonly ConcurrentDictionary<(string Module, ulong Offset), string> Names = new();

    /// <summary>
    /// The path of the block of each size, the lowest function first: those of the target by name, a row of others as C, an ellipsis behind a stack
    /// that is not whole. That no frame is the recorder's, of any event, is asserted.
    /// </summary>
    public static Dictionary<ulong, string> Of(TraceReader reader)
    {
        var paths = new Dictionary<ulong, string>();
        while (reader.Read(out TraceEvent e))
        {
            IReadOnlyList<Frame> frames = reader.Frames.Of(e.Stack, out bool isWhole);
            Assert.DoesNotContain(frames, f => f.Module?.Path.Contains("liballocreplay", StringComparison.Ordinal) == true);
            if (!CallKinds.IsAcquisition(e.Kind) || SizeOf(e) is not (> 10_000 and < 10_100))
                continue;
            var names = new List<string>();
            foreach (Frame frame in frames)
            {
                string name = NameOf(frame);
                if (name != "C" || names.LastOrDefault() != "C")
                    names.Add(name);
            }
            paths.Add(SizeOf(e), string.Join(" < ", names) + (isWhole ? "" : " …"));
        }
        return paths;
    }

    private static ulong SizeOf(in TraceEvent e) => e.Kind == CallKind.Calloc ? e.Size * e.Count : e.Size;

    private static string NameOf(Frame frame) =>
        frame.Module is { } module && module.Path.Contains("call_paths", StringComparison.Ordinal)
            ? Names.GetOrAdd((module.Path, frame.CallAddress - (IsAtItsAddress(module.Path) ? 0 : module.From)), at => NameOf(at.Module, at.Offset))
            : "C";

    /// <summary>Whether its code is mapped where the file says: ET_EXEC, not a library or a position-independent executable.</summary>
    private static bool IsAtItsAddress(string module)
    {
        using FileStream file = File.OpenRead(module);
        file.Position = 16;
        return file.ReadByte() == 2;
    }

    /// <summary>The function that the code is of, not one that was inlined into it.</summary>
    private static string NameOf(string module, ulong offset)
    {
        string[] lines = Programs.Run("addr2line", ["-Cife", module, $"0x{offset:x}"]).Output.TrimEnd().Split('\n');
        string name = lines[^2].Split('(')[0];
        return name is "_start" or "??" || name.Contains("std::", StringComparison.Ordinal) || name.Contains("core::", StringComparison.Ordinal) ? "C" : name;
    }
}
