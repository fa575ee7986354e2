using System.IO.Hashing;
using System.IO.MemoryMappedFiles;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace AllocReplay.Replayer.Plan;

/// <summary>Reads a plan file back, and trusts nothing in it.</summary>
internal static unsafe class PlanFileReader
{
    /// <summary>What the plan says of itself.</summary>
    /// <exception cref="PlanFileException">It is not the plan that is asked for, or no good.</exception>
    public static PlanFacts Read(string path, PlanIdentity expected)
    {
        using FileStream file = File.OpenRead(path);
        var header = default(PlanHeader);
        if (file.Length < Unsafe.SizeOf<PlanHeader>())
            throw new PlanFileException(PlanFileProblem.NoPlan, path, "a file that is no replay plan");
        file.ReadExactly(MemoryMarshal.AsBytes(new Span<PlanHeader>(ref header)));
        if (header.Magic != PlanFormat.Magic)
            throw new PlanFileException(PlanFileProblem.NoPlan, path, "a file that is no replay plan");
        if (header.Version != PlanFormat.Version)
            throw new PlanFileException(PlanFileProblem.NoPlan, path, $"a replay plan of version {header.Version}, this is {PlanFormat.Version}");
        if (!PlanInspection.Fits(header, file.Length))
            throw new PlanFileException(PlanFileProblem.Damaged, path, $"a damaged replay plan: its header does not fit a file of {file.Length} bytes");
        using MemoryMappedFile map = MemoryMappedFile.CreateFromFile(file, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        using MemoryMappedViewAccessor view = map.CreateViewAccessor(0, file.Length, MemoryMappedFileAccess.Read);
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        try
        {
            PlanFacts facts = PlanFacts.Of(new ReadOnlySpan<byte>(start + header.FactsOffset, (int)header.FactsLength), header.ThreadCount)
                ?? throw new PlanFileException(PlanFileProblem.Damaged, path, "a damaged replay plan: it does not say what it is of");
            if (facts.Identity != expected)
                throw new PlanFileException(PlanFileProblem.Another, path, $"the replay plan of {Difference(facts.Identity, expected)}");
            if (SumOf(start, header, file.Length) != header.Checksum)
                throw new PlanFileException(PlanFileProblem.Damaged, path, "a damaged replay plan: its checksum is not that of its bytes");
            bool isAsSaid = header.Order == expected.Order && header.TimesOffset > 0 == expected.IsTimed && facts.Counts.Slots == header.SlotCount;
            if ((PlanInspection.Fault(start) ?? (isAsSaid ? null : "it is not what it says that it is")) is { } fault)
                throw new PlanFileException(PlanFileProblem.Damaged, path, $"a replay plan that makes no sense: {fault}");
            return facts;
        }
        finally
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
        }
    }

    private static string Difference(PlanIdentity? found, PlanIdentity expected) =>
        found is null ? "a damaged trace"
        : found.Trace != expected.Trace ? "another trace"
        : found.Image != expected.Image ? $"another process image, {found.Image}"
        : found.Range != expected.Range ? "another part of the trace"
        : found.Order != expected.Order ? $"this trace in the order {ValueName.Of(found.Order)}"
        : "this trace for another pace";

    private static ulong SumOf(byte* file, in PlanHeader header, long length)
    {
        const int piece = 1 << 24;
        var hash = new XxHash3();
        for (long at = sizeof(PlanHeader); at < length; at += piece)
            hash.Append(new ReadOnlySpan<byte>(file + at, (int)Math.Min(piece, length - at)));
        hash.Append(PlanWriter.HeadOf(in header));
        return hash.GetCurrentHashAsUInt64();
    }
}
