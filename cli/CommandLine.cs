using System.CommandLine;
using AllocReplay.Cli.Commands;
using AllocReplay.Cli.Output;

namespace AllocReplay.Cli;

/// <summary>All commands.</summary>
internal static class CommandLine
{
    public static RootCommand Create(Terminal terminal) => new("Record, replay and analyze memory allocation.")
    {
        RecordCommand.Create(terminal),
        ControlCommand.Create(terminal),
        PackCommand.Create(terminal),
        ImportCommand.Create(terminal),
        InfoCommand.Create(terminal),
        DumpCommand.Create(terminal),
        ReplayCommand.Create(terminal),
        VerifyCommand.Create(terminal),
        CompareCommand.Create(terminal),
        AllocatorsCommand.Create(terminal),
        AnalyzeCommand.Create(terminal),
        QueryCommand.Create(terminal),
    };
}
