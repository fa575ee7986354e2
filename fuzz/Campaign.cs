using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace AllocReplay.Fuzz;

/// <summary>What to do.</summary>
/// <param name="Seconds">How long.</param>
/// <param name="Seed">Of the traces and the mutations.</param>
/// <param name="Output">Directory for inputs that are findings.</param>
/// <param name="Plant">The negative control: the target has a fault that must be found.</param>
/// <param name="Workers">Threads; 0: one for each core.</param>
public sealed record CampaignOptions(double Seconds, ulong Seed, string Output, bool Plant = false, int Workers = 0)
{
    /// <summary>Directory of saved inputs, which are tried first and mutated like the others; null for none.</summary>
    public string? Saved { get; init; }

    /// <summary>It ends when there are so many.</summary>
    public int FindingsMax { get; init; } = 20;
}

/// <summary>What came of it.</summary>
/// <param name="Packs">Packed traces tried.</param>
/// <param name="Directories">Recording directories tried.</param>
/// <param name="Whole">Inputs that were read whole: a mutation that a reader cannot know, or an unused byte.</param>
/// <param name="Events">Events read.</param>
/// <param name="Findings">One line each.</param>
/// <param name="SlowestMs">The longest time that an input took.</param>
/// <param name="MostAllocated">The most bytes that an input made the reader allocate.</param>
/// <param name="Messages">How often each message came, numbers left out.</param>
public sealed record CampaignReport(
    long Packs, long Directories, long Whole, long Events, IReadOnlyList<string> Findings, double SlowestMs, long MostAllocated,
    IReadOnlyDictionary<string, long> Messages)
{
    public long Inputs => Packs + Directories;
}

/// <summary>Mutates and reads on all cores until the time is over or there are enough findings.</summary>
public static class Campaign
{
    private const int Traces = 150;

    public static CampaignReport Run(CampaignOptions options)
    {
        List<FuzzInput> seeds = Seeds.Make(options.Seed, Traces);
        if (options.Saved is not null && Directory.Exists(options.Saved))
            seeds.AddRange(Directory.GetFiles(options.Saved, "*.hex").Order(StringComparer.Ordinal).Select(f => FuzzInput.FromText(File.ReadAllText(f)))
                .Where(i => i.Length < 1 << 16));
        var findings = new Findings(options.Output, options.FindingsMax);
        long deadline = Stopwatch.GetTimestamp() + (long)(options.Seconds * Stopwatch.Frequency);
        int count = options.Workers > 0 ? options.Workers : Environment.ProcessorCount;
        Worker[] workers = [.. Enumerable.Range(0, count).Select(i => new Worker(i, count, seeds, options, findings, deadline))];
        Thread[] threads = [.. workers.Select(w => new Thread(w.Run, 16 << 20) { IsBackground = true })];
        foreach (Thread thread in threads)
            thread.Start();
        // A reader that hangs is found from outside; its input stays as it is.
        while (threads.FirstOrDefault(t => t.IsAlive) is { } alive)
        {
            alive.Join(100);
            foreach (Worker worker in workers)
                if (worker.IsStuck)
                {
                    findings.Add(worker.Current, $"no end after {Worker.MillisecondsMax} ms");
                    return Report(workers, findings);
                }
        }
        return Report(workers, findings);
    }

    /// <summary>Reads one saved input as the fuzzer does. Returns the message of its damage or refusal, null when it was read whole.</summary>
    public static string? Replay(string text)
    {
        var target = new Target(plant: false);
        target.Run(FuzzInput.FromText(text), repack: true);
        return target.Message;
    }

    private static CampaignReport Report(Worker[] workers, Findings findings)
    {
        var messages = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (Worker worker in workers)
            foreach ((string message, long times) in worker.Messages.ToArray())
                messages[message] = messages.GetValueOrDefault(message) + times;
        return new CampaignReport(workers.Sum(w => w.Packs), workers.Sum(w => w.Directories), workers.Sum(w => w.Whole), workers.Sum(w => w.Events),
            findings.Lines, workers.Max(w => w.SlowestMs), workers.Max(w => w.MostAllocated), messages);
    }

    private sealed class Findings(string directory, int most)
    {
        private readonly List<string> _lines = [];
        private readonly HashSet<string> _kinds = [];

        public bool Enough { get; private set; }

        public IReadOnlyList<string> Lines
        {
            get
            {
                lock (_lines)
                    return [.. _lines];
            }
        }

        /// <summary>Notes a finding and saves its input, unless there is one that looks the same.</summary>
        public void Add(FuzzInput input, string what)
        {
            lock (_lines)
            {
                if (!_kinds.Add(Normalized(what.Split('\n')[0])))
                    return;
                string path = Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"finding-{Environment.ProcessId}-{_lines.Count}.hex"));
                Directory.CreateDirectory(directory);
                File.WriteAllText(path, input.ToText(what));
                _lines.Add($"{what.Split('\n')[0]}: {path}");
                Enough = _lines.Count >= most;
            }
        }
    }

    /// <summary>A message without its path and its numbers.</summary>
    private static string Normalized(string message)
    {
        int path = message.IndexOf(": ", StringComparison.Ordinal);
        ReadOnlySpan<char> from = path >= 0 && message.StartsWith("fuzz/", StringComparison.Ordinal) ? message.AsSpan(path + 2) : message;
        // Numbers that are written in hexadecimal stand at the end.
        foreach (string hexadecimal in (ReadOnlySpan<string>)["checksum", "found 0x"])
            if (from.IndexOf(hexadecimal, StringComparison.Ordinal) is > 0 and int at)
                from = from[..(at + hexadecimal.Length)];
        Span<char> to = stackalloc char[Math.Min(from.Length, 160)];
        int length = 0;
        foreach (char c in from[..to.Length])
        {
            char kept = char.IsAsciiDigit(c) ? '#' : c;
            if (kept != '#' || length == 0 || to[length - 1] != '#')
                to[length++] = kept;
        }
        return new string(to[..length]);
    }

    private sealed class Worker(int number, int workers, List<FuzzInput> seeds, CampaignOptions options, Findings findings, long deadline)
    {
        public const int MillisecondsMax = 5000;
        private const long AllocatedMax = 4 << 20;
        private const long AllocatedPerByteMax = 400;
        private const int RepackOneIn = 50;

        private readonly Target _target = new(options.Plant);
        private long _began;

        public FuzzInput Current { get; private set; } = seeds[0];
        public long Packs { get; private set; }
        public long Directories { get; private set; }
        public long Whole { get; private set; }
        public long Events { get; private set; }
        public double SlowestMs { get; private set; }
        public long MostAllocated { get; private set; }
        public Dictionary<string, long> Messages { get; } = [];

        /// <summary>Seen from another thread.</summary>
        public bool IsStuck => Volatile.Read(ref _began) is > 0 and long began && Stopwatch.GetElapsedTime(began).TotalMilliseconds > 2 * MillisecondsMax;

        public void Run()
        {
            var random = new Rng(options.Seed * 1_000_003 + (ulong)number);
            FuzzInput pack = new(isPack: true), directory = new(isPack: false);
            var packs = new PackMutator([.. seeds.Where(s => s.IsPack)], random);
            var directories = new DirectoryMutator([.. seeds.Where(s => !s.IsPack)], random);
            for (int i = number; i < seeds.Count; i += workers)
                Try(seeds[i], repack: true);
            while (!findings.Enough && Stopwatch.GetTimestamp() < deadline)
            {
                if (random.OneIn(3))
                {
                    directories.Fill(directory);
                    Try(directory, random.OneIn(RepackOneIn));
                }
                else
                {
                    packs.Fill(pack);
                    Try(pack, random.OneIn(RepackOneIn));
                }
            }
        }

        private void Try(FuzzInput input, bool repack)
        {
            Current = input;
            long allocated = GC.GetAllocatedBytesForCurrentThread(), began = Stopwatch.GetTimestamp();
            Volatile.Write(ref _began, began);
            try
            {
                _target.Run(input, repack);
            }
            catch (Exception e)
            {
                findings.Add(input, e is FindingException ? e.Message : $"{e.GetType().Name} {e.Message} {Frame(e)}\n{e}");
            }
            Volatile.Write(ref _began, 0);
            double ms = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
            allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
            SlowestMs = Math.Max(SlowestMs, ms);
            MostAllocated = Math.Max(MostAllocated, allocated);
            if (ms > MillisecondsMax)
                findings.Add(input, $"took more than {MillisecondsMax} ms ({ms:F0})");
            if (allocated > AllocatedMax + AllocatedPerByteMax * input.Length)
                findings.Add(input, $"allocated {allocated} bytes for an input of {input.Length}");
            Count(input);
        }

        private void Count(FuzzInput input)
        {
            if (input.IsPack)
                Packs++;
            else
                Directories++;
            Events += _target.Events;
            if (_target.Message is null)
                Whole++;
            else
                CollectionsMarshal.GetValueRefOrAddDefault(Messages, Normalized(_target.Message), out _)++;
        }

        /// <summary>Where it was thrown: the first line of ours.</summary>
        private static string Frame(Exception e) =>
            e.StackTrace?.Split('\n').FirstOrDefault(l => l.Contains("AllocReplay.", StringComparison.Ordinal))?.Trim() ?? "";
    }
}
