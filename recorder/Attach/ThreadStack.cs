using System.Globalization;
using System.Runtime.InteropServices;

namespace AllocReplay.Recorder.Attach;

/// <summary>A thread's stack, as the C library and the kernel have it.</summary>
/// <param name="Lowest">The lowest address that may be written to.</param>
/// <param name="Top">Behind the last.</param>
internal readonly record struct ThreadStack(ulong Lowest, ulong Top)
{
    private const ulong KernelGap = 1 << 20; // that the kernel keeps below a stack that grows, by default
    private const int DescriptorSize = 2304; // struct pthread, or the part of it that is looked at
    private const ulong DescriptorMax = 64 << 10, StackMin = 16 << 10;

    /// <summary>The stack of a process's first thread, which the kernel lets grow.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="map">What it has mapped.</param>
    /// <param name="pointer">The thread's stack pointer.</param>
    /// <returns>Null: it is on another.</returns>
    public static ThreadStack? OfFirst(int pid, IReadOnlyList<Mapping> map, ulong pointer)
    {
        Mapping stack = map.FirstOrDefault(m => m.Has(pointer));
        if (stack.Name != "[stack]")
            return null;
        ulong below = map.Where(m => m.End <= stack.Start).Select(m => m.End).DefaultIfEmpty(0ul).Max() + KernelGap;
        ulong limit = LimitOf(pid), lowest = Math.Max(below, limit < stack.End ? stack.End - limit : 0);
        // What it has already is not taken back; and above where it began are the program's arguments and environment, up to megabytes.
        ulong top = ProcessStat.Of($"/proc/{pid}")?.StackStart is { } start && stack.Has(start) && pointer < start ? start : stack.End;
        return new ThreadStack(Math.Min(stack.Start, lowest), top);
    }

    /// <summary>The stack of another thread, which the C library describes in the thread's own data.</summary>
    /// <param name="memory">Of the process.</param>
    /// <param name="pointer">The thread's stack pointer.</param>
    /// <param name="own">Where its own data lie: its FS.</param>
    /// <returns>Null: it is on another, or there is no description.</returns>
    /// <remarks>
    /// A mapping is not enough: a program may cut stacks out of one (pthread_attr_setstack), and guard pages may be no mapping of their own. The words are
    /// found by what they must be to each other, not by an offset: that changed from version to version of the C library, and is nowhere exported.
    /// </remarks>
    public static ThreadStack? Of(ProcessMemory memory, ulong pointer, ulong own)
    {
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(memory.Bytes(own, DescriptorSize));
        for (int i = 0; i + 2 < words.Length; i++)
        {
            ulong block = words[i], size = words[i + 1], guard = words[i + 2], end = block + size;
            bool isOne = block != 0 && block <= pointer && pointer < own && own < end && end - own < DescriptorMax && size >= StackMin && guard < size;
            if (isOne)
                return new ThreadStack(block + guard, own);
        }
        return null;
    }

    /// <summary>How far the kernel lets it grow.</summary>
    private static ulong LimitOf(int pid)
    {
        const string name = "Max stack size";
        try
        {
            string? line = File.ReadLines($"/proc/{pid}/limits").FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal));
            string? soft = line?[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
            return ulong.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out ulong limit) ? limit : ulong.MaxValue;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0; // not known: what it has already
        }
    }
}
