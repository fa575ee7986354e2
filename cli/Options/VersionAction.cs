using System.CommandLine;
using System.CommandLine.Invocation;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace AllocReplay.Cli.Options;

/// <summary><c>--version</c>: which version this is, of which commit, and how it was built and runs.</summary>
internal sealed class VersionAction : SynchronousCommandLineAction
{
    public override int Invoke(ParseResult parseResult)
    {
        foreach (string line in Lines(typeof(VersionAction).Assembly))
            parseResult.InvocationConfiguration.Output.WriteLine(line);
        return ExitCode.Ok;
    }

    /// <summary>A build without git knows no commit.</summary>
    internal static IEnumerable<string> Lines(Assembly assembly)
    {
        string[] version = (assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "").Split('+', 2);
        string configuration = assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()?.Configuration ?? "";
        string how = RuntimeFeature.IsDynamicCodeSupported ? "" : ", compiled ahead of time";
        return
        [
            $"allocreplay {version[0]}",
            $"commit {(version.Length > 1 ? version[1] : "not known")}",
            $"built as {configuration} for {RuntimeInformation.RuntimeIdentifier}, {RuntimeInformation.FrameworkDescription}{how}",
        ];
    }
}
