using System.CommandLine;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Plan;

namespace AllocReplay.Cli.Options;

/// <summary>Where compiled plans are kept: a plan that is there, and is that of the very trace, is taken instead of compiling it again.</summary>
/// <param name="Name">A file for one plan, or a directory for those of several orders, as the user gave it.</param>
/// <param name="IsDirectory">Which of the two.</param>
/// <param name="Force">What is there and is another plan, or none, may be replaced.</param>
internal sealed record KeptPlans(string Name, bool IsDirectory, bool Force)
{
    /// <summary>The trace's name among those whose plans are kept in one directory.</summary>
    public string Trace { get; private init; } = "";

    private string Option => IsDirectory ? "--keep-plans" : "--keep-plan";

    /// <summary>Of <c>replay</c>, which has one plan.</summary>
    public static Option<string?> FileOption() => new("--keep-plan")
    {
        Description = "Keep the compiled plan as this file; where it is there already, and of this very trace, take it.",
        HelpName = "file",
    };

    /// <summary>Of <c>compare</c>, which has a plan for each order.</summary>
    public static Option<string?> DirectoryOption() => new("--keep-plans")
    {
        Description = "Keep the compiled plans in this directory, as TRACE.ORDER.plan each; take those that are there already and of this very trace, and "
            + "make those anew that are of another.",
        HelpName = "directory",
    };

    /// <summary>Null where nothing is kept.</summary>
    public static KeptPlans? Of(string? name, bool isDirectory, bool force) => name is null ? null : new KeptPlans(name, isDirectory, force);

    /// <summary>The same for the trace of that name.</summary>
    public KeptPlans Of(string trace) => this with { Trace = trace };

    public string FileFor(ReplayOrder order) => IsDirectory ? Path.Combine(Name, $"{FileNameOf(Trace)}.{ValueName.Of(order)}.plan") : Name;

    /// <summary>A trace's name may have directories in it. No two names become one.</summary>
    private static string FileNameOf(string trace) => trace.Replace("%", "%25", StringComparison.Ordinal).Replace("/", "%2F", StringComparison.Ordinal);

    /// <summary>Why nothing can be kept there, or null. A directory of that name is made.</summary>
    public string? WhyNot()
    {
        if (Name.Length == 0)
            return $"{Option}: expected a {(IsDirectory ? "directory" : "file name")}, found none";
        if (IsDirectory && File.Exists(Name))
            return $"{Option} {Name}: a file; expected a directory";
        if (!IsDirectory && Path.Exists(Name) && !File.Exists(Name))
            return $"{Option} {Name}: a directory; choose another name";
        if (!IsDirectory && WhyNoPlan(Name) is { } kind)
            return $"{Option} {kind}; choose another name";
        string full = Path.GetFullPath(Name), parent = Path.GetDirectoryName(full) ?? full;
        if (!Directory.Exists(parent))
            return $"{Option} {Name}: no such directory: {parent}";
        if (OutputFile.WhyNotBeside(Name) is { } why)
            return $"{Option} {why}";
        if (IsDirectory)
            Directory.CreateDirectory(Name, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return null;
    }

    /// <summary>Why what is there is never a plan, and never replaced by one: opening a pipe would wait for its other end. Null where it may be one.</summary>
    private static string? WhyNoPlan(string file) => TraceNotWritableException.ForeseeOther(file, replace: true)?.Message;

    /// <summary>The plan that is there, or null where there is none, or another that may be replaced.</summary>
    /// <exception cref="PlanFileException">Another is there.</exception>
    public ReplayPlan? Take(TraceReader reader, PlanOptions options, Terminal terminal)
    {
        string file = FileFor(options.Order);
        if (WhyNoPlan(file) is { } why)
            throw new UsageException($"{Option} {why}; choose another {(IsDirectory ? "directory" : "name")}");
        if (!File.Exists(file))
            return null;
        try
        {
            ReplayPlan plan = terminal.WithLateProgress($"Checking {file}", _ => ReplayPlan.Open(file, PlanIdentity.Of(reader, options)));
            terminal.Note($"Taking the plan that was kept as {file}.");
            return plan;
        }
        catch (PlanFileException e) when (IsDirectory && e.Problem == PlanFileProblem.Another)
        {
            // The directory is ours to fill: a trace that was recorded again has its plan made again.
            terminal.Note($"{e.Message}: it is made anew.");
            return null;
        }
        catch (PlanFileException) when (Force)
        {
            return null;
        }
    }
}
