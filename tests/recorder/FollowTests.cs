using System.Diagnostics;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>
/// A program that is recorded is followed, from barrier to barrier: what it has done is seen, no more and no less, and the program is left alone.
/// </summary>
[StartsProcesses]
public sealed class FollowTests : IDisposable
{
    private const ulong Large = 10_000; // bytes: more than the C library acquires for itself

    private static readonly TimeSpan Long = TimeSpan.FromMinutes(1);

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void At_each_barrier_all_that_was_done_is_seen_by_thread_and_by_site_and_no_more()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"], "--stacks", "auto");
        var seen = new Seen();
        using TraceFollower follower = TraceFollower.Open(program.Image);
        using ImageWatch watch = ImageWatch.Open(program.Image);

        Step(program, follower, seen, "m 1000 20000", acquired: 1000, live: 1000 * 20000, threads: 1);
        Step(program, follower, seen, "f 400 0", acquired: 1000, live: 600 * 20000, threads: 1);
        Step(program, follower, seen, "t 20 30000", acquired: 1080, live: 600 * 20000 + 60 * 30000, threads: 21); // each waits for the one before
        Step(program, follower, seen, "k 40000", acquired: 1080, live: 600 * 20000 + 60 * 30000, threads: 21); // the child is another image
        Step(program, follower, seen, "m 50000 50000", acquired: 51080, live: 600 * 20000 + 60 * 30000 + 50000L * 50000, threads: 21);
        using (ControlledProcess control = ControlledProcess.Open(program.Image))
        {
            control.Mark("here");
            control.Stop();
            program.Do("m 100 60000"); // nobody sees these
            control.Start();
        }
        Step(program, follower, seen, "m 7 70000", acquired: 51087, live: 600 * 20000 + 60 * 30000 + 50000L * 50000 + 7 * 70000, threads: 21);
        Assert.Equal((2, "here"), (follower.Intervals.Count, follower.Markers[0].Name));
        Assert.Equal(ImageLife.Running, watch.Life());

        Assert.Equal(0, program.Finish());
        Assert.Equal(ImageLife.Ended, watch.Life());
        follower.Finish();
        follower.ForEach([seen, seen.Statistics], () => true);
        AssertSameAsFinished(program.Image, follower, seen.Statistics);
        Assert.Equal(["here"], follower.Markers.Select(m => m.Name));
    }

    [Fact]
    public void A_program_that_is_killed_was_followed_to_its_last_call()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"]);
        var seen = new Seen();
        using TraceFollower follower = TraceFollower.Open(program.Image);
        using ImageWatch watch = ImageWatch.Open(program.Image);
        Step(program, follower, seen, "m 1000 20000", acquired: 1000, live: 1000 * 20000, threads: 1);
        program.Do("m 3 30000");
        program.Kill();

        Assert.Equal(ImageLife.Ended, watch.Life());
        follower.Finish();
        follower.ForEach([seen, seen.Statistics], () => true);
        Assert.Equal((1003, 1000 * 20000 + 3 * 30000), (seen.Acquired, seen.Live));
        AssertSameAsFinished(program.Image, follower, seen.Statistics);
    }

    /// <summary>Without a drain: the program's threads write the files, and what they have published is seen at once.</summary>
    [Fact]
    public void A_program_that_writes_its_own_files_is_followed()
    {
        string session = _directory["r"];
        Directory.CreateDirectory(session);
        var start = new ProcessStartInfo(Targets.Build("steps.c", "-g")) { RedirectStandardInput = true, RedirectStandardOutput = true };
        start.Environment["LD_PRELOAD"] = HookBuild.Default;
        start.Environment["ALLOCREPLAY_DIR"] = session;
        using Process program = Process.Start(start)!;
        void Do(string what)
        {
            program.StandardInput.Write(what + "\n");
            program.StandardInput.Flush();
            Assert.NotNull(program.StandardOutput.ReadLine());
        }
        Assert.NotNull(program.StandardOutput.ReadLine());
        Do("m 1000 20000");
        string image = Path.Combine(session, $"p{program.Id}.0");
        var seen = new Seen();
        using TraceFollower follower = TraceFollower.Open(image);
        using ImageWatch watch = ImageWatch.Open(image);
        Await(follower, seen, 1000);
        Do("t 10 30000");
        Await(follower, seen, 1040);
        Do("m 60000 40000"); // more than a tail holds
        Await(follower, seen, 61040);
        Assert.Equal(1000 * 20000 + 30 * 30000 + 60000L * 40000, seen.Live);
        Assert.Equal(ImageLife.Running, watch.Life());

        program.StandardInput.Close();
        program.WaitForExit();
        Assert.Equal(ImageLife.Ended, watch.Life());
        follower.Finish();
        follower.ForEach([seen, seen.Statistics], () => true);
        AssertSameAsFinished(image, follower, seen.Statistics);
    }

    [Fact]
    public void A_process_id_names_its_images_and_those_that_still_run_are_told_from_those_that_have_ended()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"]);
        program.Do("k 20000");
        Assert.True(SpinWait.SpinUntil(() => WatchedImages.Find(program.Recording).Now().Count == 2, Long));

        Assert.Equal([program.Image], WatchedImages.Find($"{program.Pid}").Now().Select(Path.GetFullPath));
        Assert.Equal([program.Image], WatchedImages.Find($"{program.RecorderPid}").Now().Select(Path.GetFullPath));
        Assert.True(SpinWait.SpinUntil(() => WatchedImages.Find(program.Recording).Running().Count == 1, Long));
        Assert.Equal([program.Image], WatchedImages.Find(program.Recording).Running());
        Assert.Equal(0, program.Finish());
        Assert.Equal([], WatchedImages.Find(program.Recording).Running());
    }

    /// <summary>To see what the program did asks nothing of it: its words in shared memory are what they were, and nobody else has it mapped.</summary>
    [Fact]
    public void The_program_and_its_recorder_are_left_alone()
    {
        using var program = new SteppedProgram(_directory["r.allocrec"]);
        program.Do("m 10 20000");
        string arena = new FileInfo(Path.Combine(program.Recording, "arena")).LinkTarget!;
        uint asked = SealsAsked(program.Recording);
        using (TraceFollower follower = TraceFollower.Open(program.Image))
        using (ImageWatch watch = ImageWatch.Open(program.Image))
        {
            Await(follower, new Seen(), 10);
            Assert.Equal(ImageLife.Running, watch.Life());
            Assert.DoesNotContain(arena, File.ReadAllText("/proc/self/maps"), StringComparison.Ordinal);
        }
        Assert.Equal(asked, SealsAsked(program.Recording));
        SessionSwitch.BringIn(program.Recording); // the control: this asks
        Assert.NotEqual(asked, SealsAsked(program.Recording));
    }

    private static unsafe uint SealsAsked(string session)
    {
        using var arena = AllocReplay.Recorder.Arena.SharedArena.Open(session)!;
        return Volatile.Read(ref arena.Header->SealAsked);
    }

    private static void Step(SteppedProgram program, TraceFollower follower, Seen seen, string what, long acquired, long live, int threads)
    {
        program.Do(what);
        long lives = live;
        Assert.True(SpinWait.SpinUntil(() =>
        {
            follower.Look();
            follower.ForEach([seen, seen.Statistics], () => true);
            Assert.True(seen.Acquired <= acquired, $"{what}: {seen.Acquired} of {acquired}");
            return (seen.Acquired, seen.Live, seen.ByThread.Count) == (acquired, lives, threads);
        }, Long), $"{what}: {seen.Acquired} acquired, {seen.Live} live, {seen.ByThread.Count} threads");
        Assert.Equal(seen.Live, seen.ByThread.Values.Sum());
        Assert.Null(follower.Damage);
    }

    private static void Await(TraceFollower follower, Seen seen, long acquired) => Assert.True(SpinWait.SpinUntil(() =>
    {
        follower.Look();
        follower.ForEach([seen, seen.Statistics], () => true);
        return seen.Acquired >= acquired;
    }, Long), $"{seen.Acquired} of {acquired}");

    /// <summary>The figures of what was followed and those of the recording that is read at its end.</summary>
    private static void AssertSameAsFinished(string image, TraceFollower follower, LiveStatistics followed)
    {
        using TraceReader reader = TraceReader.Open(image);
        var finished = new LiveStatistics();
        var all = new TraceStatistics();
        reader.ForEach([finished, all]);
        Assert.Null(reader.Damage);
        Assert.Null(follower.Damage);
        Assert.Equal((all.Calls, all.Acquisitions, all.PeakLiveBytes), (followed.Total.Calls, followed.Total.Blocks, followed.PeakBytes));
        Assert.Equal(
            finished.Threads.Select(t => (reader.Threads[t.Key].OsTid, t.Calls, t.Blocks, t.LiveBlocks, t.LiveBytes, t.HasEnded)).Order(),
            followed.Threads.Select(t => (follower.Threads[t.Key].OsTid, t.Calls, t.Blocks, t.LiveBlocks, t.LiveBytes, t.HasEnded)).Order());
        Assert.Equal(
            finished.Sites.Select(s => (s.Key, s.Blocks, s.LiveBlocks, s.LiveBytes)).Order(),
            followed.Sites.Select(s => (s.Key, s.Blocks, s.LiveBlocks, s.LiveBytes)).Order());
        Assert.Equal(reader.Merge with { Parks = 0 }, follower.Merge with { Parks = 0 });
    }

    /// <summary>What the test has the program do, counted plainly.</summary>
    private sealed class Seen : ITraceSink
    {
        private readonly Dictionary<long, (long Bytes, int Thread)> _live = [];

        public LiveStatistics Statistics { get; } = new();
        public long Acquired { get; private set; }
        public long Live => _live.Values.Sum(b => b.Bytes);

        /// <summary>Live bytes of each thread that has acquired any.</summary>
        public Dictionary<int, long> ByThread { get; } = [];

        public void Begin(in TraceEvent begin)
        {
        }

        public void Add(in ThreadEvent e)
        {
        }

        public void Add(in TraceCall call)
        {
            if (_live.Remove(call.Released, out var released) || _live.Remove(call.Displaced, out released))
                ByThread[released.Thread] -= released.Bytes;
            if (call.Acquired < 0 || call.BytesRequested < Large)
                return;
            Acquired++;
            _live.Add(call.Acquired, ((long)call.BytesRequested, call.Thread));
            ByThread[call.Thread] = ByThread.GetValueOrDefault(call.Thread) + (long)call.BytesRequested;
        }
    }
}
