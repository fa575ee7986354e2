using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Statistics;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Recorder;

/// <summary>Samples: each block by itself, with its whole life.</summary>
[StartsProcesses]
public sealed class SampleTests : IDisposable
{
    private const ulong Seed = 20261127;

    private readonly TemporaryDirectory _directory = new();

    private string Recording => _directory["test.allocrec"];

    public void Dispose() => _directory.Dispose();

    public static TheoryData<string, SampleScheme, uint> Patterns
    {
        get
        {
            var patterns = new TheoryData<string, SampleScheme, uint>();
            foreach (string pattern in (string[])["uniform", "hot", "tail", "cross", "realloc"])
            {
                patterns.Add(pattern, SampleScheme.Blocks, 50);
                patterns.Add(pattern, SampleScheme.Bytes, 8 << 10);
            }
            return patterns;
        }
    }

    /// <summary>What the program says of its blocks is what the trace says of those that it has, and those stand for all.</summary>
    [Theory]
    [MemberData(nameof(Patterns))]
    public void Blocks_of_a_sample_are_there_with_their_whole_lives_and_stand_for_all(string pattern, SampleScheme scheme, uint mean)
    {
        Account account = Record(pattern, 100_000, new Sampling(scheme, mean));
        List<AccountedBlock> sampled = account.Sampled();
        Assert.True(sampled.Count > 500, $"{sampled.Count} blocks");
        Assert.True(Account.Agree(sampled, account.Blocks, account.Sampling), $"{sampled.Count} of {account.Blocks.Count} blocks");
        Assert.Equal(pattern == "realloc", account.HasReallocated);
    }

    /// <summary>The control: a sample of addresses, as version 1.0 took it, says nothing of a program that uses four of them.</summary>
    [Fact]
    public void A_sample_of_addresses_does_not_stand_for_all()
    {
        Account account = Record("hot", 100_000, new Sampling(SampleScheme.Blocks, 50));
        var addresses = new Sampling(SampleScheme.Addresses, 50);
        for (uint seed = 1; seed <= 10; seed++)
        {
            uint below = uint.MaxValue / addresses.Mean + 1, mixed = seed * 2654435761;
            IEnumerable<AccountedBlock> sampled =
                account.Blocks.Where(b => (uint)(((b.Address >> 3 ^ mixed) * 0x9e3779b97f4a7c15) >> 32) < below);
            Assert.False(Account.Agree(sampled, account.Blocks, addresses));
        }
    }

    [Fact]
    public void The_seed_decides_in_a_program_of_one_thread()
    {
        var first = Choice(Seed);
        Assert.Equal(first, Choice(Seed));
        Assert.NotEqual(first, Choice(Seed + 1));
        Assert.NotEqual(Choice(0), Choice(0));

        List<int> Choice(ulong seed)
        {
            Account account = Record("uniform", 20_000, new Sampling(SampleScheme.Blocks, 100), seed);
            var order = account.Blocks.Select((b, i) => (b, i)).ToDictionary(p => p.b, p => p.i);
            return [.. account.Sampled().Select(b => order[b])];
        }
    }

    /// <summary>A child has blocks of its own, and gives back what it inherited: chosen by its parent, its frees are known for what they are.</summary>
    [Fact]
    public void A_forked_child_chooses_for_itself()
    {
        var sampling = new Sampling(SampleScheme.Blocks, 20);
        Run("fork", 40_000, sampling);
        using Trace trace = Trace.Open(Recording);
        Assert.Equal(2, trace.Images.Count);
        var starts = new List<IEnumerable<int>>();
        foreach (ProcessImage image in trace.Images)
        {
            using TraceReader reader = trace.OpenImage(image.Name);
            TraceStatistics statistics = TraceStatistics.Of(reader);
            bool isChild = reader.Process.Forked;
            Assert.Equal((sampling, 0UL), (reader.Process.Sampling, reader.Process.LostEvents));
            var account = new Account(_directory[isChild ? "account.child" : "account"], Path.Combine(Recording, image.Name));
            List<AccountedBlock> sampled = account.Sampled();
            Assert.True(Account.Agree(sampled, account.Blocks, sampling));
            // 200 blocks were inherited, 10 of them of the sample on average; the rest leaves no trace.
            Assert.InRange(reader.Merge.InheritedReleases, isChild ? 1 : 0, isChild ? 40 : 0);
            Assert.Equal(0, reader.Merge.UnknownReleases + reader.Merge.ImplicitReleases);
            var order = account.Blocks.Select((b, i) => (b, i)).ToDictionary(p => p.b, p => p.i);
            starts.Add([.. sampled.Select(b => order[b] % 20_000)]);
        }
        // Had the child gone on with its parent's countdown, both had chosen the same from there on.
        Assert.NotEqual(starts[0], starts[1]);
        Assert.InRange(starts[0].Intersect(starts[1]).Count(), 0, 300);
    }

    /// <summary>
    /// What is acquired while stopped is not of the sample, though it is freed while started; and what is freed while stopped is forgotten, so that its address
    /// is another block's when it comes again.
    /// </summary>
    [Fact]
    public void Stops_leave_no_half_lives()
    {
        string account = _directory["account"];
        string session = _directory["steps"];
        Directory.CreateDirectory(session);
        var start = new System.Diagnostics.ProcessStartInfo(Targets.Build("accounted.c"), ["steps", "90000", account])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        start.Environment["LD_PRELOAD"] = HookBuild.Default;
        start.Environment["ALLOCREPLAY_DIR"] = session;
        start.Environment["ALLOCREPLAY_SAMPLE"] = "10";
        start.Environment["ALLOCREPLAY_SAMPLE_SEED"] = $"{Seed}";
        using var process = System.Diagnostics.Process.Start(start)!;
        Step();
        string image = Path.Combine(session, $"p{process.Id}.0");
        using (ControlledProcess control = ControlledProcess.Open(image))
        {
            control.Stop();
            Step();
            control.Start();
            Step();
        }
        process.StandardInput.WriteLine();
        process.StandardInput.Close();
        process.WaitForExit();

        AccountedBlock[] blocks = AccountedBlock.Read(account);
        Assert.Equal(90_000, blocks.Length);
        using TraceReader reader = TraceReader.Open(image);
        TraceStatistics statistics = TraceStatistics.Of(reader);
        var sampling = new Sampling(SampleScheme.Blocks, 10);
        // The second third was acquired while stopped: 60,000 of 90,000, within 5 standard errors.
        double error = Math.Sqrt(60_000 * (1 - 0.1) / 0.1);
        Assert.Equal(sampling, reader.Process.Sampling);
        Assert.InRange(statistics.Estimates.Blocks.Estimate, 60_000 - 5 * error, 60_000 + 5 * error);
        // Blocks that were acquired while stopped, and those of the sample that were freed then: of neither is there a release.
        Assert.Equal(0, reader.Merge.UnknownReleases);

        void Step()
        {
            process.StandardInput.WriteLine();
            Assert.Equal("", process.StandardOutput.ReadLine());
        }
    }

    [Fact]
    public void MallocHook_tells_of_a_sample_in_the_same_way()
    {
        string? library = Libraries.Find("libtcmalloc.so.4");
        Assert.SkipUnless(library is not null, "libtcmalloc.so.4 is not installed");
        foreach (string pattern in (string[])["tail", "cross"])
        {
            Account account = Record(pattern, 50_000, new Sampling(SampleScheme.Bytes, 4 << 10), Seed,
                o => o with { Via = RecordVia.MallocHook }, "-Wl,--no-as-needed", library);
            List<AccountedBlock> sampled = account.Sampled();
            Assert.True(sampled.Count > 500, $"{sampled.Count} blocks");
            Assert.True(Account.Agree(sampled, account.Blocks, account.Sampling));
        }
    }

    /// <summary>Latency and stacks go through other paths of the hook.</summary>
    [Fact]
    public void Latency_and_stacks_change_nothing_of_it()
    {
        foreach (string pattern in (string[])["tail", "realloc"])
        {
            Account account = Record(pattern, 30_000, new Sampling(SampleScheme.Blocks, 20), change: o => o with
            {
                Latency = pattern == "tail",
                Stacks = StackWalk.FrameInformation,
                FreeStacks = true,
            });
            Assert.True(Account.Agree(account.Sampled(), account.Blocks, account.Sampling));
            using TraceReader reader = TraceReader.Open(Recording);
            while (reader.Read(out TraceEvent e))
                Assert.True(CallKinds.IsThreadEvent(e.Kind) || CallKinds.IsReallocBegin(e.Kind) || e.Stack > 0, $"{e}");
        }
    }

    private Account Record(
        string pattern, int count, Sampling sampling, ulong seed = Seed, Func<RecordOptions, RecordOptions>? change = null, params string[] flags)
    {
        Run(pattern, count, sampling, seed, change, flags);
        return new Account(_directory["account"], Assert.Single(Directory.GetDirectories(Recording, "p*")));
    }

    private void Run(
        string pattern, int count, Sampling sampling, ulong seed = Seed, Func<RecordOptions, RecordOptions>? change = null, params string[] flags)
    {
        var options = new RecordOptions
        {
            Command = [Targets.Build("accounted.c", flags), pattern, $"{count}", _directory["account"]],
            Output = Recording,
            Force = true,
            Sample = sampling,
            SampleSeed = seed,
        };
        RecordResult result = RecordedCommand.Run(change?.Invoke(options) ?? options);
        Assert.Equal((0, 0), (result.ExitCode, result.Failures.Count));
    }
}
