using AllocReplay.Analyzer.Passes;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;

namespace AllocReplay.Tests.Support;

/// <summary>A small trace with every way for a block to end, and its analysis.</summary>
internal static class SampleTrace
{
    public const int Blocks = 8;

    /// <summary>Writes the recording.</summary>
    public static void Write(string directory, Action<RecordingWriter>? more = null, string image = RecordingWriter.ImageName)
    {
        var writer = new RecordingWriter(directory, image);
        writer.Thread(0)
            .Event(0, CallKind.ThreadStart)
            .Malloc(800, 0x1000, 16)           // object 0, freed by thread 1
            .Malloc(1600, 0x2000, 64)          // object 1, reallocated
            .Event(2400, CallKind.AlignedAlloc, 0x3000, 100, alignment: 64) // object 2, never freed
            .Event(3200, CallKind.ThreadCreate, otherThread: 1)
            .Realloc(4000, 4800, 0x2000, 0x4000, 127) // object 3, never freed
            .Malloc(5600, 0x5000, 0)           // object 4, freed
            .Free(6400, 0x5000)
            .Malloc(7200, 0x6000, 128)         // object 5, displaced
            .Malloc(8000, 0x6000, 1)           // object 7 (the merge waits for a free of 5 meanwhile), freed
            .Free(20_000, 0x6000);
        writer.Thread(1)
            .Event(4400, CallKind.ThreadStart, otherThread: 0)
            .Free(10_000, 0x1000)
            .Malloc(30_000, 0x7000, 128)       // object 6, freed
            .Free(2_000_000, 0x7000)
            .Event(2_000_800, CallKind.ThreadExit);
        writer.Memory(100, 4096, 4096, 0, 4096).Memory(9000, 12_288, 8192, 0, 16_384);
        more?.Invoke(writer);
        writer.Save();
    }

    /// <summary>Analyzes the recording in a directory.</summary>
    public static AnalysisResult Analyze(string recording, string dataset, bool force = false, bool partial = false)
    {
        using TraceReader reader = TraceReader.Open(recording);
        return Analysis.RunAsync(reader, new AnalysisOptions { Directory = dataset, Force = force, Partial = partial }).GetAwaiter().GetResult();
    }
}
