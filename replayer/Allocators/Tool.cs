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
    public static string? Output(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        try
        {
            using Process process = Process.Start(start)!;
            process.ErrorDataReceived += (_, _) => { };
            process.BeginErrorReadLine();
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            if (!process.WaitForExit(Patience))
            {
                process.Kill();
                return null;
            }
            return process.ExitCode == 0 ? output.Result : null;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
