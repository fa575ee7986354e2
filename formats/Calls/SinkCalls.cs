namespace AllocReplay.Formats.Calls;

/// <summary>Hands what a merge reads to a sink: calls whole, and events of threads and regions.</summary>
internal static class SinkCalls
{
    /// <param name="sink">Told of it.</param>
    /// <param name="call">What was read; of a reallocation with its beginning.</param>
    public static void Tell(ITraceSink sink, in TraceCall call)
    {
        if (CallKinds.IsThreadEvent(call.Kind))
            sink.Add(ThreadEvent.Of(call.Event));
        else if (CallKinds.IsRegionEvent(call.Kind))
            sink.Add(RegionEvent.Of(call.Event));
        else if (CallKinds.IsReallocBegin(call.Kind))
            sink.Begin(call.Event);
        else
            sink.Add(call);
    }
}
