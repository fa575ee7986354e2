using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>Threads that ask to be recorded: how a replay leaves the worker's own calls out.</summary>
[StartsProcesses]
public sealed class OptInTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string Recording => _directory["test.allocrec"];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Only_calls_that_were_asked_for_are_recorded_and_threads_take_indices_as_they_ask()
    {
        List<TraceEvent> events = Record(optIn: true);

        Assert.Equal(
            [(0, 1030UL), (1, 1020UL), (3, 1040UL)],
            events.Where(e => e.Kind == CallKind.Malloc).Select(e => (e.Thread, e.Size)).OrderBy(c => c.Thread));
        // The root, its child, its mute child, and the first thread, which asked last.
        Assert.Equal([0, 1, 2, 3], events.Select(e => e.Thread).Distinct().Order());
        Assert.Equal([1, 2], events.Where(e => e.Kind == CallKind.ThreadCreate).Select(e => e.OtherThread));
        Assert.Equal([-1, 0, 0, -1], events.Where(e => e.Kind == CallKind.ThreadStart).OrderBy(e => e.Thread).Select(e => e.OtherThread));
        // Ends are recorded though the threads were mute by then.
        Assert.Equal([0, 1, 2], events.Where(e => e.Kind == CallKind.ThreadExit).Select(e => e.Thread).Order());
    }

    [Fact]
    public void A_fork_of_a_thread_that_asked_is_recorded_until_it_says_otherwise()
    {
        Record(optIn: true, "fork");

        using TraceReader parent = TraceReader.Open(Recording);
        string child = parent.Images.Single(i => i.Name != $"p{parent.Session!.Pid}.0").Name;
        using TraceReader reader = TraceReader.Open(Recording, child);
        Assert.Equal([1050UL], ReadAll(reader).Where(e => e.Kind == CallKind.Malloc).Select(e => e.Size));
    }

    [Fact]
    public void Without_the_option_every_call_is_recorded_but_those_asked_not_to()
    {
        List<TraceEvent> events = Record(optIn: false);

        ulong[] sizes = [.. events.Where(e => e.Kind == CallKind.Malloc).Select(e => e.Size).Where(s => s is < 100 or >= 1000 and < 2000)];
        Assert.Superset(new HashSet<ulong> { 10, 20, 30, 40, 1020, 1030, 1040 }, sizes.ToHashSet());
        Assert.DoesNotContain(21UL, sizes);
        Assert.DoesNotContain(31UL, sizes);
        Assert.DoesNotContain(41UL, sizes);
    }

    private List<TraceEvent> Record(bool optIn, params string[] arguments)
    {
        var options = new RecordOptions { Command = [Targets.Build("opt_in.c"), .. arguments], Output = Recording, OptIn = optIn };
        Assert.Equal(0, RecordedCommand.Run(options).ExitCode);
        using TraceReader reader = TraceReader.Open(Recording);
        return arguments.Length == 0 ? ReadAll(reader) : [];
    }

    private static List<TraceEvent> ReadAll(TraceReader reader)
    {
        var events = new List<TraceEvent>();
        while (reader.Read(out TraceEvent e))
            events.Add(e);
        Assert.Null(reader.Damage);
        return events;
    }
}
