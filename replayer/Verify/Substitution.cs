using AllocReplay.Formats.Calls;

namespace AllocReplay.Replayer.Verify;

/// <summary>What a worker calls where it cannot make a call as it was recorded. The same for every run, so that it can be told from a fault.</summary>
internal sealed class Substitution(IReadOnlyDictionary<int, int> called)
{
    private const ulong PageSize = 4096;

    /// <summary>The call that a replay makes for a recorded one, as far as kind, size and argument go.</summary>
    public (CallKind Kind, ulong Size, ulong Argument) Of(in ExecutedCall call)
    {
        CallKind kind = call.Kind;
        // Nobody would catch what the throwing forms throw.
        if (call.IsNull && kind is CallKind.New or CallKind.NewArray or CallKind.NewAligned or CallKind.NewArrayAligned)
            kind += 2;
        int other = called.GetValueOrDefault((int)kind, called.GetValueOrDefault((int)call.Kind, (int)kind));
        // jemalloc 5.3 corrupts its heap when told of an aligned block of 0 bytes.
        if (call.Size == 0 && kind is CallKind.DeleteSizedAligned or CallKind.DeleteArraySizedAligned && other == (int)kind)
            other = called.GetValueOrDefault((int)kind - 4, (int)kind - 4);
        CallKind now = (CallKind)other;
        return now == call.Kind ? (now, call.Size, call.Argument) : Convert(call, now);
    }

    private static (CallKind, ulong, ulong) Convert(in ExecutedCall call, CallKind now)
    {
        CallFields fields = CallKinds.Fields(now) ?? CallFields.None;
        ulong size = call.Kind switch
        {
            CallKind.ReallocArrayEnd => Math.BigMul(call.Size, call.Argument, out ulong low) == 0 ? low : ulong.MaxValue,
            CallKind.Pvalloc => (call.Size + PageSize - 1) & ~(PageSize - 1),
            _ => call.Size,
        };
        bool isPage = call.Kind is CallKind.Valloc or CallKind.Pvalloc;
        bool hasSize = CallKinds.IsReallocEnd(now) || (fields & CallFields.Size) != 0, hasAlignment = (fields & CallFields.Alignment) != 0;
        return (now, hasSize ? size : 0, hasAlignment ? (isPage ? PageSize : call.Argument) : 0);
    }
}
