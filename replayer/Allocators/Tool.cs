using System.ComponentModel;
using System.Diagnostics;

namespace AllocReplay.Replayer.Allocators;

/// <summary>Asks the system's own programs.</summary>
internal static class Tool
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>What a program writes to stdout; null where it is not installed, fails or does not end.</summary>
    public static string? Output(string program, params string[] arguments) => Output(new ProcessStartInfo(program, arguments));

    /// <inheritdoc cref="Output(string, string[])"/>
    public static string? Output(ProcessStartInfo start) => Run(start)?.Output;

    /// <summary>What a program writes to stderr; null where it is not installed, fails or does not end.</summary>
    public static string? Said(ProcessStartInfo start) => Run(start)?.Error;

    private static (string Output, string Error)? Run(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> error = process.StandardError.ReadToEndAsync();
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            // Both ends of a pipe may be held by what a library has started: the whole is waited for, not the process alone.
            if (!Task.WhenAll(error, output).Wait(Patience) || !process.WaitForExit(Patience))
            {
                process.Kill(entireProcessTree: true);
                return null;
            }
            return process.ExitCode == 0 ? (output.Result, error.Result) : null;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
