using System.Runtime.InteropServices;
using AllocReplay.Formats;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Cli.Options;

/// <summary>
/// Interposition alone: a library that counts each call and passes it on. What it costs is what any preloaded hook costs before it does anything.
/// </summary>
internal sealed class CountingHook : IHook
{
    private const string Calls = "calls", Threads = "threads";
    private const int Counters = 4096, CounterSize = 64; // bytes: a line of the cache each, as counting.c has them

    public string Name => "count";

    public IHookedRun Begin() => new Run();

    private sealed class Run : IHookedRun
    {
        private readonly DirectoryInfo _scratch = Directory.CreateTempSubdirectory("allocreplay-hook-");
        private readonly string _counters;

        public Run()
        {
            _counters = Path.Combine(_scratch.FullName, "counters");
            using (FileStream file = File.Create(_counters))
                file.SetLength(Counters * CounterSize);
            Library = new PreloadedHook(Path.Combine(AppContext.BaseDirectory, "liballocreplay-counting.so"), [$"ALLOCREPLAY_COUNTERS={_counters}"]);
        }

        public PreloadedHook Library { get; }

        public IReadOnlyDictionary<string, long> Complete(int processId, ReplayInfo replay)
        {
            ReadOnlySpan<long> words = MemoryMarshal.Cast<byte, long>(File.ReadAllBytes(_counters));
            (long calls, long threads) = (0, 0);
            for (int i = 0; i < Counters; i++)
            {
                calls += words[i * CounterSize / sizeof(long)];
                threads += words[i * CounterSize / sizeof(long)] > 0 ? 1 : 0;
            }
            Abandon();
            // The harness and the runtime make calls of their own, so there are more.
            return calls >= replay.Calls
                ? new Dictionary<string, long> { [Calls] = calls, [Threads] = threads }
                : throw new ReplayException(new RunFailure(FailureKind.NotTheTrace),
                    $"count saw {calls:N0} calls of a replay that made {replay.Calls:N0}: something passes it by");
        }

        public void Abandon() => _scratch.Delete(recursive: true);
    }
}
