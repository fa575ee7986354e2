using AllocReplay.Formats;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Scratch;
using AllocReplay.Replayer.Verify;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Replayer;

/// <summary>The negative control of verify: real replays hold, and no change of their recordings goes by unseen.</summary>
[StartsProcesses]
public sealed class ReplayProofMutationTests : IDisposable
{
    private const int Replays = 20, MutationsEach = 50;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_thousand_mutations_of_real_replays_are_caught()
    {
        var random = new Random(20261123);
        var missed = new List<string>();
        var counts = new SortedDictionary<string, int>(StringComparer.Ordinal);
        for (int i = 0; i < Replays; i++)
        {
            var order = (ReplayOrder)(i % 3);
            string trace = _directory[$"t{i}"], recording = _directory[$"r{i}.allocrec"];
            TraceGenerator.Write(trace, random.Next(), threads: random.Next(2, 8), calls: random.Next(50, 400), latency: true);
            ReplayInfo info = RecordedReplay.Run(trace, recording, order, ReplayTests.Installed("glibc"));
            RecordedReplay.AssertHolds(RecordedReplay.Verify(trace, recording, order, info));

            MutableRecording faithful = MutableRecording.Read(recording);
            RecordedReplay.AssertHolds(Verify(trace, faithful, order, info));
            OrderEdge[] edges = EdgesOf(trace, recording, order);
            for (int m = 0; m < MutationsEach; m++)
            {
                MutableRecording lie = faithful.Copy();
                string what = lie.Mutate(random, edges);
                counts[what.Split([':', ' '])[0]] = counts.GetValueOrDefault(what.Split([':', ' '])[0]) + 1;
                if (Verify(trace, lie, order, info).Holds)
                    missed.Add($"replay {i} in {order}: {what}");
            }
        }
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join(", ", counts.Select(c => $"{c.Value} × {c.Key}")));
        Assert.True(missed.Count == 0, string.Join('\n', missed));
        Assert.Equal(Replays * MutationsEach, counts.Values.Sum());
    }

    private static ProofReport Verify(string trace, MutableRecording recording, ReplayOrder order, ReplayInfo info)
    {
        using var copy = new TemporaryDirectory();
        recording.Write(copy.Path);
        return RecordedReplay.Verify(trace, copy.Path, order, info);
    }

    /// <summary>What the order keeps apart, by the places in the recording.</summary>
    private static OrderEdge[] EdgesOf(string trace, string recording, ReplayOrder order)
    {
        using var spill = new Spill(Path.GetTempPath());
        using TraceReader original = TraceReader.Open(trace), replay = TraceReader.Open(recording);
        Execution execution = Execution.Read(original, order, spill);
        int[] match = ThreadMatch.Of(execution, Execution.Read(replay, null, spill));
        CallPlace In(CallPlace place) => place with { Thread = match[place.Thread] };
        return [.. ToArray(execution.Edges).Select(e => new OrderEdge(In(e.Earlier), In(e.Later)))];
    }

    private static unsafe OrderEdge[] ToArray(SpillList<OrderEdge> list)
    {
        var edges = new OrderEdge[list.Count];
        for (int i = 0; i < edges.Length; i++)
            edges[i] = *list.At(i);
        return edges;
    }
}
