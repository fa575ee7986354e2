using System.Diagnostics;

namespace AllocReplay.Bench;

/// <summary>A session daemon of our own for LTTng-UST, with the libc wrapper's events enabled.</summary>
internal sealed class Lttng : IDisposable
{
    private readonly string _home;
    private readonly Process _daemon;
    private int _sessions;

    public Lttng(string directory)
    {
        _home = Path.Combine(directory, "lttng");
        Directory.CreateDirectory(_home);
        var start = new ProcessStartInfo("lttng-sessiond", ["--no-kernel", "--quiet"]);
        start.Environment["LTTNG_HOME"] = _home;
        _daemon = Process.Start(start)!;
        var patience = Stopwatch.StartNew();
        while (!Answers())
            if (patience.Elapsed > TimeSpan.FromSeconds(20))
                throw new InvalidOperationException("lttng-sessiond does not answer");
    }

    /// <summary>Why it cannot be measured here; null when it can.</summary>
    public static string? WhyNot =>
        !Shell.Exists("lttng-sessiond") || Wrapper is null ? "LTTng is not installed (lttng-tools, liblttng-ust-dev)"
        : Process.GetProcessesByName("lttng-sessiond").Length > 0 ? "a session daemon of LTTng runs here already, and a second one does not start"
        : null;

    /// <summary>Processor time that its consumers have taken so far, in seconds.</summary>
    public static double ConsumerSeconds => Shell.SecondsOf("lttng-consumerd");

    private static string? Wrapper { get; } = new[] { "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib" }
        .Select(d => Path.Combine(d, "liblttng-ust-libc-wrapper.so")).Select(p => File.Exists(p) ? p : p + ".1").FirstOrDefault(File.Exists);

    /// <summary>Bytes of trace that the last run left.</summary>
    public long TraceBytes { get; private set; }

    /// <summary>Runs a program, in the environment given, with the wrapper preloaded and in a session of its own.</summary>
    public string Trace(Func<(string Name, string Value)[], string> run, string? keepAt)
    {
        string name = $"bench{_sessions++}", output = Path.Combine(_home, name);
        Control("create", name, "--output", output);
        // Large buffers: events are kept, not discarded, at this rate.
        Control("enable-channel", "--userspace", "--subbuf-size", "16M", "--num-subbuf", "4", "c");
        Control("enable-event", "--userspace", "--channel", "c", "lttng_ust_libc:*");
        Control("start");
        string printed = run([("LTTNG_HOME", _home), ("LD_PRELOAD", Wrapper!)]);
        Control("destroy");
        TraceBytes = Shell.DirectorySize(output);
        if (keepAt is null)
            Directory.Delete(output, recursive: true);
        else
            Directory.Move(output, keepAt);
        return printed;
    }

    public void Dispose()
    {
        Shell.Run("kill", [$"{_daemon.Id}"]);
        _daemon.WaitForExit();
        _daemon.Dispose();
    }

    private void Control(params string[] arguments) => Shell.Run("lttng", ["--no-sessiond", .. arguments], ("LTTNG_HOME", _home));

    private bool Answers()
    {
        try
        {
            Control("list");
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
