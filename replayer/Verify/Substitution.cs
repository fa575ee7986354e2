using AllocReplay.Formats.Calls;

namespace AllocReplay.Replayer.Verify;

/// <summary>What a worker calls where it cannot make a call as it was recorded. The same for every run, so that it can be told from a fault.</summary>
internal sealed class Substitution(IReadOnlyDictionary<int, int> called)
{
    private const ulong PageSize = 4096;

    /// <summary>The call that a replay makes for a recorded one, as far as kind, size and argument go.</summary>
    public (CallKind Kind, ulong Size, ulong Argument) Of(in ExecutedCall call)
    {
        // Nobody would catch what the throwing forms throw.
        CallKind kind = call.IsNull ? CallKinds.NothrowForm(call.Kind) : call.Kind;
        int other = called.GetValueOrDefault((int)kind, called.GetValueOrDefault((int)call.Kind, (int)kind));
        // jemalloc 5.3 corrupts its heap when told of an aligned block of 0 bytes.
        int unsized = (int)CallKinds.UnsizedForm(kind);
        if (call.Size == 0 && other == (int)kind)
            other = called.GetValueOrDefault(unsized, unsized);
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
