using System.Diagnostics;

namespace AllocReplay.Replayer;

/// <summary>How a worker is started, for a replay or to ask its allocator something.</summary>
internal static class WorkerStart
{
    /// <summary>Variables that are passed on. The rest would be a setting of the measurement that nobody sees.</summary>
    private static readonly string[] Inherited = ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"];

    /// <summary>The worker's executable, beside this assembly.</summary>
    public static string Executable => Path.Combine(AppContext.BaseDirectory, "allocreplay-worker");

    /// <summary>A worker with nothing in its environment that was not asked for.</summary>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="libraries">What is preloaded, in the order in which symbols are looked up.</param>
    /// <param name="environment">Variables, as NAME=VALUE.</param>
    public static ProcessStartInfo Info(IEnumerable<string> arguments, IReadOnlyList<string> libraries, IEnumerable<string> environment) =>
        Program(Executable, arguments, libraries, environment);

    /// <summary>Another program as a worker is started.</summary>
    public static ProcessStartInfo Program(
        string program, IEnumerable<string> arguments, IReadOnlyList<string> libraries, IEnumerable<string> environment)
    {
        var start = new ProcessStartInfo(program, arguments);
        start.Environment.Clear();
        foreach (string name in Inherited)
            if (Environment.GetEnvironmentVariable(name) is { } value)
                start.Environment[name] = value;
        foreach (string[] setting in environment.Select(v => v.Split('=', 2)))
            start.Environment[setting[0]] = setting[1];
        if (libraries.Count > 0)
            start.Environment["LD_PRELOAD"] = string.Join(':', libraries);
        return start;
    }
}
