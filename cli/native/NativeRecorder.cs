using AllocReplay.Cli.Output;

namespace AllocReplay.Cli.Native;

/// <summary>The recorder as one executable that needs no runtime: its commands, and under the drain's name the drain.</summary>
internal static class NativeRecorder
{
    private const string DrainName = "allocreplay-drain";

    public static int Main(string[] args)
    {
        if (Path.GetFileName(Environment.GetCommandLineArgs()[0]) == DrainName)
            return Drain.Program.Main(args);
        // So that it is this writer that others know as standard error.
        Console.SetError(StandardStream.OpenError());
        return CommandLine.Run(args, new Terminal(StandardStream.OpenOutput(), Console.Error), CommandLine.CreateRecorder);
    }
}
