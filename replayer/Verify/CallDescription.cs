using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Order;

namespace AllocReplay.Replayer.Verify;

/// <summary>Calls and threads of an execution in words, for whoever looks them up with dump.</summary>
internal static unsafe class CallDescription
{
    public static string TimeOf(long? ns) => ns is { } known ? "at " + Time(known) : "never";

    public static string Time(long ns) => $"{ns / 1e9:0.000000000} s";

    public static string Who(Execution execution, int thread) =>
        $"thread {thread}" + (execution.Threads[thread].Name.Length > 0 ? $" ({TextOf(execution.Threads[thread].Name)})" : "");

    private static string TextOf(string name) => string.Concat(name.Select(c => char.IsControl(c) ? '?' : c));

    public static string Describe(Execution execution, CallPlace place)
    {
        ExecutedThread thread = execution.Threads[place.Thread];
        if (place.Call == Predecessor.Exit)
            return $"the end of {Who(execution, place.Thread)}";
        if (place.Call < 0 || place.Call >= thread.Calls.Count)
            return $"call {place.Call} of {Who(execution, place.Thread)}";
        ExecutedCall call = *thread.Calls.At(place.Call);
        CallFields fields = CallKinds.IsReallocEnd(call.Kind) ? CallFields.Size : CallKinds.Fields(call.Kind) ?? CallFields.None;
        var arguments = new List<string>();
        if ((fields & CallFields.Size) != 0)
            arguments.Add($"{call.Size} B");
        if (call.Kind is CallKind.Calloc or CallKind.ReallocArrayEnd)
            arguments.Add($"{call.Argument} elements");
        if ((fields & CallFields.Alignment) != 0)
            arguments.Add($"alignment {call.Argument}");
        if (call.Kind == CallKind.ThreadCreate)
            arguments.Add($"thread {call.SourceThread}");
        return $"call {place.Call} of {Who(execution, place.Thread)}, {CallKinds.CallName(call.Kind)}({string.Join(", ", arguments)}) at {Time(call.MomentNs)}";
    }
}
