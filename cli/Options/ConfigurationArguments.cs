using System.CommandLine;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Run;

namespace AllocReplay.Cli.Options;

/// <summary>What is compared: <c>--allocator</c>, <c>--env</c>, <c>--hook</c>, <c>--matrix</c>, or a file of all that.</summary>
internal sealed class ConfigurationArguments
{
    private readonly Option<string?> _allocator = new("--allocator")
    {
        Description = "Allocators, by comma: names that 'allocators' lists, or name=path.so, each with VARIABLE=value and '+ hook' after it. The others "
            + "are compared with the first. Default: all installed.",
        HelpName = "list",
    };

    private readonly Option<string[]> _env = new("--env")
    {
        Description = "Set a variable to each of these values in turn, for each allocator that reads it: MALLOC_ARENA_MAX=1,2,8. Quote a value that "
            + "holds a comma: 'MALLOC_CONF=\"narenas:1,tcache:false\"'. Several multiply.",
        HelpName = "NAME=values",
        AllowMultipleArgumentsPerToken = false,
    };

    private readonly Option<string?> _hook = new("--hook")
    {
        Description = "What stands before the allocator: none; count, which passes calls on; record[,sample=N,stacks=auto,…]; mallochook; toggle=10ms, "
            + "recording stopped and started so often; path.so[,VARIABLE=value…]. Tried with the first allocator; with --matrix, with each.",
        HelpName = "list",
    };

    private readonly Option<bool> _matrix = new("--matrix") { Description = "Each allocator under each hook." };

    private readonly Option<string?> _config = new("--config")
    {
        Description = "Sets of configurations in a JSON file; FILE:SET takes one of them.",
        HelpName = "file",
    };

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _allocator, _env, _hook, _matrix, _config })
            command.Options.Add(option);
    }

    /// <exception cref="UsageException">The options do not go together.</exception>
    /// <exception cref="ReplayException">A name is not known, a library is missing, or two configurations are one.</exception>
    public IReadOnlyList<Configuration> Of(ParseResult parse)
    {
        string[] axes = parse.GetValue(_env) ?? [];
        (string? allocators, string? hooks, bool isMatrix) = (parse.GetValue(_allocator), parse.GetValue(_hook), parse.GetValue(_matrix));
        var parser = new ConfigurationParser(RecorderHooks.Catalog);
        if (parse.GetValue(_config) is { } file)
        {
            return allocators is null && hooks is null && axes.Length == 0 && !isMatrix
                ? ConfigurationFile.Read(file, parser)
                : throw new UsageException("--config goes alone: allocators, variables and hooks are in the file");
        }
        if (isMatrix && hooks is null)
            throw new UsageException("--matrix goes with --hook: each allocator under each hook");
        return new ConfigurationGrid(
            allocators is null ? Configuration.Installed() : parser.Parse(allocators),
            [.. axes.Select(ConfigurationParser.ParseAxis)],
            hooks is null ? [] : parser.ParseHooks(hooks),
            isMatrix).Expand();
    }
}
