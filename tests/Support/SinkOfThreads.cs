using AllocReplay.Formats.Calls;

namespace AllocReplay.Tests.Support;

/// <summary>Tells another sink of some threads alone.</summary>
internal sealed class SinkOfThreads(ITraceSink sink, Func<int, bool> isOf) : ITraceSink
{
    public void Begin(in TraceEvent begin)
    {
        if (isOf(begin.Thread))
            sink.Begin(begin);
    }

    public void Add(in TraceCall call)
    {
        if (isOf(call.Thread))
            sink.Add(call);
    }

    public void Add(in ThreadEvent e)
    {
        if (isOf(e.Thread))
            sink.Add(e);
    }
}
