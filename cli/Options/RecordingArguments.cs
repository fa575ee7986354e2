using System.CommandLine;
using AllocReplay.Cli.Output;
using AllocReplay.Recorder;

namespace AllocReplay.Cli.Options;

/// <summary>What is recorded of a program, and how much: the options of <c>record</c> and <c>attach</c>.</summary>
internal sealed class RecordingArguments
{
    public Option<bool> Force { get; } = new("--force") { Description = "Replace a recording that is already there." };
    private readonly Option<bool> _startPaused = new("--start-paused") { Description = "Record nothing until 'allocreplay control PID start'." };
    private readonly Option<string> _sample = new("--sample")
    {
        Description = "Record some blocks, with their whole lives, and estimate totals by them: a number N chooses each block with probability 1/N; a "
            + "size, as 512KiB, chooses one for so many bytes on average, the larger the likelier.",
        HelpName = "N|size",
        DefaultValueFactory = _ => "1",
    };
    private readonly Option<bool> _latency = new("--latency") { Description = "Record how long each call took." };
    private readonly Option<string?> _stacks = new("--stacks")
    {
        Description = "Record where blocks are acquired: auto, by the compiler's frame information, and by frame pointers where there is none; "
            + "fp, by frame pointers, for programs that keep them.",
        HelpName = "auto|cfi|fp",
    };
    private readonly Option<bool> _freeStacks = new("--stacks-free") { Description = "With --stacks: record where blocks are released, too." };
    private readonly Option<int> _stackDepth = new("--stack-depth")
    {
        Description = "With --stacks: frames to keep, the lowest ones, 1 to 128.",
        HelpName = "N",
        DefaultValueFactory = _ => 64,
    };
    private readonly Option<string?> _maxSize = new("--max-size")
    {
        Description = "Stop recording a process image at this size: bytes, or with K, M or G.",
        HelpName = "size",
    };
    private readonly Option<string?> _leaveFree = new("--leave-free")
    {
        Description = "Stop recording when the disk has less than this free: bytes, or with K, M or G; 0: never. Default: 5 % of the disk, "
            + "but no more than 1G.",
        HelpName = "size",
    };
    private readonly Option<string> _whenFull = new("--when-full")
    {
        Description = "What a thread does when the disk does not keep up and shared memory is full: wait, at most 20 ms for each lack, or "
            + "drop its calls at once. Calls that are dropped are counted.",
        HelpName = "wait|drop",
        DefaultValueFactory = _ => "wait",
    };
    private readonly Option<string?> _duration = new("--duration")
    {
        Description = "Stop recording after this time while the command goes on: seconds, or with ms, s, m or h.",
        HelpName = "time",
    };
    private readonly Option<bool> _redact = new("--redact") { Description = "Leave arguments out of the recording." };
    private readonly Option<bool> _noDetours = new("--no-detours")
    {
        Description = "Leave the program's code as it is: an allocator that is linked into it is then not recorded.",
    };
    private readonly KeepArguments _keep = new();

    public RecordingArguments()
    {
        _sample.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && SampleArgument.TryParse(text) is null)
                result.AddError(SampleArgument.Refusal(text));
        });
        _stacks.AcceptOnlyFromAmong("auto", "cfi", "fp");
        _stackDepth.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var n }] && !(int.TryParse(n, out int depth) && depth is >= 1 and <= 128))
                result.AddError($"--stack-depth {n}: expected 1 to 128");
        });
        _whenFull.AcceptOnlyFromAmong("wait", "drop");
    }

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])
        [
            Force, _startPaused, _sample, _latency, _stacks, _freeStacks, _stackDepth, _maxSize, _leaveFree, _whenFull, _duration, _redact, _noDetours,
        ])
        {
            command.Add(option);
        }
        _keep.AddTo(command);
    }

    /// <summary>The options of a recording.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="command">What is recorded.</param>
    /// <param name="output">Where it goes.</param>
    /// <param name="via">How calls are seen.</param>
    /// <exception cref="UsageException">They make no sense together.</exception>
    public RecordOptions Of(ParseResult parse, IReadOnlyList<string> command, string output, RecordVia via)
    {
        if (parse.GetValue(_stacks) is null && (parse.GetValue(_freeStacks) || parse.GetResult(_stackDepth) is { Implicit: false }))
            throw new UsageException($"{(parse.GetValue(_freeStacks) ? "--stacks-free" : "--stack-depth")} goes with --stacks: add --stacks auto");
        (long keepBytes, TimeSpan? keepTime) = _keep.Of(parse);
        if ((keepBytes > 0 || keepTime is not null) && parse.GetValue(_maxSize) is not null)
            throw new UsageException("--keep goes on for ever in bounded space, and --max-size ends the recording: give one of them");
        return new RecordOptions
        {
            Command = command,
            Output = output,
            Force = parse.GetValue(Force),
            StartPaused = parse.GetValue(_startPaused),
            Sample = SampleArgument.Parse(parse.GetValue(_sample)!),
            Latency = parse.GetValue(_latency),
            Stacks = parse.GetValue(_stacks) switch
            {
                null => StackWalk.None,
                "fp" => StackWalk.FramePointers,
                _ => StackWalk.FrameInformation,
            },
            FreeStacks = parse.GetValue(_freeStacks),
            StackDepth = parse.GetValue(_stackDepth),
            MaxSize = parse.GetValue(_maxSize) is { } size ? Quantity.ParseBytes("--max-size", size) : 0,
            KeepBytes = keepBytes,
            KeepTime = keepTime,
            LeaveFree = parse.GetValue(_leaveFree) is { } room ? room == "0" ? 0 : Quantity.ParseBytes("--leave-free", room) : null,
            WhenFull = parse.GetValue(_whenFull) == "drop" ? WhenFull.Drop : WhenFull.Wait,
            Duration = parse.GetValue(_duration) is { } time ? Quantity.ParseTime("--duration", time) : null,
            Redact = parse.GetValue(_redact),
            Detours = !parse.GetValue(_noDetours),
            Via = via,
        };
    }
}
