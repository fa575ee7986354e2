using System.CommandLine;
using System.Globalization;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;
using AllocReplay.Formats;
using AllocReplay.Formats.Summary;
using AllocReplay.Recorder;

namespace AllocReplay.Cli.Commands;

/// <summary><c>allocreplay record</c>: runs a command and records what it allocates.</summary>
internal static class RecordCommand
{
    private const int ReasonsMax = 3;
    private const long RateWorthSaying = 10 << 20; // bytes a minute: a gigabyte in two hours

    public static Command Create(Terminal terminal)
    {
        Option<string?> output = new("--output", "-o")
        {
            Description = $"Recording directory to create, or, with {PackCommand.Extension} for its extension, one file: the "
                + "recording is packed while it is written. Other extensions are refused. Default: NAME.DATE-TIME.allocrec, NAME being the command's.",
            HelpName = "path",
        };
        Option<bool> regions = new("--mmap")
        {
            Description = "Record what the program has the kernel map too (mmap, munmap, mremap, brk): heaps of other allocators. Not what the C library maps "
                + "for malloc.",
        };
        Option<string> follow = new("--follow-children")
        {
            Description = "Whether processes that the command starts are recorded too.",
            HelpName = "yes|no",
            DefaultValueFactory = _ => "yes",
        };
        follow.AcceptOnlyFromAmong("yes", "no");
        Option<string> via = new("--via")
        {
            Description = "How calls are seen: preload interposes them; mallochook has the program's own gperftools tcmalloc tell of them.",
            HelpName = "way",
            DefaultValueFactory = _ => ProcessInfo.FromPreload,
        };
        via.AcceptOnlyFromAmong(ProcessInfo.FromPreload, ProcessInfo.FromMallocHook);
        Option<bool> quiet = new("--quiet", "-q") { Description = "Say nothing when all went well." };
        Argument<string[]> command = new("command")
        {
            Description = "The command to run, with its arguments. Put -- before it.",
            Arity = ArgumentArity.OneOrMore,
            CaptureRemainingTokens = true,
        };
        var record = new Command("record", "Run a command and record what it allocates.")
        {
            output, regions, follow, via, quiet, command,
        };
        var arguments = new RecordingArguments();
        arguments.AddTo(record);
        var snapshots = new SnapshotArguments();
        snapshots.AddTo(record);
        record.SetAction(parse =>
        {
            string[] words = parse.GetValue(command)!;
            // What follows -- may begin with a dash; what stands before it is an option of ours, or was meant as one.
            if (words[0].StartsWith('-') && parse.Tokens.Select(t => t.Value).TakeWhile(t => t != "--").Contains(words[0]))
                throw new UsageException($"record has no option {words[0]}; put -- before the command");
            var destination = new RecordingOutput(parse.GetValue(output) ?? DefaultOutput(words[0]), parse.GetValue(arguments.Force));
            // Usage, but record has its own codes: 2 may be the command's.
            if (destination.WhyNot() is { } why)
                throw new RecordException(why);
            RecordVia seen = parse.GetValue(via) == ProcessInfo.FromMallocHook ? RecordVia.MallocHook : RecordVia.Preload;
            RecordOptions options = arguments.Of(parse, words, destination.Directory, seen);
            bool isKept = options is not { KeepBytes: 0, KeepTime: null };
            if (parse.GetValue(regions) && isKept)
                throw new UsageException("--mmap does not go with --keep: what was mapped before the part that is kept would not be known");
            if (parse.GetValue(regions) && seen == RecordVia.MallocHook)
                throw new UsageException("--mmap goes with --via preload");
            return Run(options with
            {
                Regions = parse.GetValue(regions),
                PackedInto = isKept ? null : destination.Packed,
                FollowChildren = parse.GetValue(follow) == "yes",
            }, destination, snapshots.Of(parse), parse.GetValue(quiet), terminal);
        });
        return record;
    }

    private const int LongestName = 60; // in characters, of at most four bytes each; a file's name has 255 bytes

    /// <summary>Named after the command, unless a shell or an option would take the name for something else.</summary>
    internal static string DefaultOutput(string command)
    {
        string name = Path.GetFileName(command).TrimStart('-', '.');
        if (name.Length is 0 or > LongestName)
            name = "program";
        return $"{name}.{DateTime.Now.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}{RecordingOutput.Extension}";
    }

    /// <summary>
    /// Once the command has run, its exit code is ours: what fails here is said, and hides it only where it is 0 and there is nothing to show
    /// for it.
    /// </summary>
    private static int Run(RecordOptions options, RecordingOutput output, SnapshotOccasions occasions, bool quiet, Terminal terminal)
    {
        using var snapshots = new SnapshotTaker(occasions, options.Output, quiet, terminal);
        RecordResult result = RecordedCommand.Run(options, pid =>
        {
            snapshots.Started();
            if (options.StartPaused && !quiet)
                terminal.Note($"allocreplay: paused; 'allocreplay control {pid} start' begins to record, into {options.Output}");
        }, bytesPerMinute =>
        {
            if (bytesPerMinute >= RateWorthSaying && !quiet && options is { KeepBytes: 0, KeepTime: null })
                terminal.Note($"allocreplay: {Quantity.Bytes(bytesPerMinute)} a minute at this rate; --keep, --sample, --max-size and --duration bound it");
        });
        try
        {
            foreach (string failure in result.Failures)
                terminal.Note($"allocreplay: {failure}");
            foreach (string program in quiet ? [] : result.Unrecorded)
                terminal.Note($"allocreplay: {program}");
            snapshots.Ended(result.IsKilled);
            int finished = Finish(options, output, result, quiet, terminal);
            return result.ExitCode == ExitCode.Ok ? finished : result.ExitCode;
        }
        catch (Exception e) when (e is TraceFormatException or IOException or UnauthorizedAccessException or ControlException)
        {
            terminal.Note($"allocreplay: {e.Message}");
            // A failure that is known, such as a full disk, is no reason to say that the command failed. An empty recording without one is.
            return result.ExitCode == ExitCode.Ok && result.Failures.Count == 0 ? ExitCode.RecordFailed : result.ExitCode;
        }
    }

    /// <returns>Ok when what was asked for is there.</returns>
    private static int Finish(RecordOptions options, RecordingOutput output, RecordResult result, bool quiet, Terminal terminal)
    {
        int packing = options.PackedInto is null ? ExitCode.Ok : output.Finish(terminal, quiet);
        string recorded = options.PackedInto is not null && packing == ExitCode.Ok ? output.Name : options.Output;
        using (TraceReader reader = TraceReader.Open(recorded))
        {
            if (!quiet)
            {
                Report(reader, recorded, terminal);
                if (IsWhole(options) && result.PeakResidentBytes is { } resident && UnrecordedMemory.Of(reader.Trace, resident) is { } memory)
                    terminal.Note($"allocreplay: {Describe(memory)}");
            }
        }
        if (options.PackedInto is null)
            packing = output.Finish(terminal, quiet);
        if (!quiet)
            terminal.Next(TextLine.Command("info", packing == ExitCode.Ok ? output.Name : output.Directory));
        return packing;
    }

    /// <summary>Whether all that the program does was to be recorded.</summary>
    private static bool IsWhole(RecordOptions options) =>
        !options.StartPaused && !options.Sample.IsSample && options.Duration is null && options.FollowChildren;

    private static string Describe(UnrecordedMemory memory) =>
        $"{Quantity.Bytes(memory.ResidentBytes)} were resident at the peak and {Quantity.Bytes(memory.LiveBytes)} recorded as live: "
        + "the rest did not come from malloc, "
        + (memory.IsPython ? "but from Python's own allocator; with PYTHONMALLOC=malloc set it does" : "but from mapped files or a heap of the program's own");

    private static void Report(TraceReader reader, string output, Terminal terminal)
    {
        string images = Quantity.Count(reader.Trace.ImageCount, "process image");
        terminal.Note($"allocreplay: recorded {output}: {images}, {Quantity.Bytes(reader.Images.Sum(i => i.EventBytes))} of events");
        if (reader.Carried is { } carried)
        {
            terminal.Note($"allocreplay: whole from {Quantity.Duration(carried.UntilNs)} on{(reader.Trace.ImageCount == 1 ? "" : $" in {reader.Image}")}; of "
                + $"{Quantity.Count(carried.EventsGone, "event")} before that nothing is left, but the blocks that were live then are there");
        }
        IReadOnlyList<Loss> losses = Loss.Of(reader.Images);
        foreach (Loss loss in losses.Take(ReasonsMax))
        {
            string where = reader.Trace.ImageCount == 1 ? ""
                : loss.Images is [var only] ? $" of {only}" : $" of {Quantity.Count(loss.Images.Count, "process image")}";
            string why = TextLine.Plain(loss.Reason ?? "shared memory was full, as the disk did not keep up");
            terminal.Note($"allocreplay: {Quantity.Count(loss.Events, "event")}{where} lost: {why}");
        }
        if (losses.Count > ReasonsMax)
            terminal.Note($"allocreplay: and for {Quantity.Count(losses.Count - ReasonsMax, "more reason")}; 'info --images' lists what is missing of each");
    }
}
