using AllocReplay.Cli.Output;
using AllocReplay.Formats.Calls;

namespace AllocReplay.Cli.Options;

/// <summary>Prints the events of a process image as they become final.</summary>
/// <param name="image">The process image.</param>
/// <param name="stacks">What its stacks are.</param>
/// <param name="lines">Prints them.</param>
/// <param name="thread">The only thread to print; null: all.</param>
/// <param name="terminal">Where they are printed.</param>
/// <param name="token">Ends it.</param>
internal sealed class EventFollow(FollowedImage image, LiveStacks stacks, EventLines lines, int? thread, Terminal terminal, CancellationToken token)
{
    /// <summary>Between two looks at the files, once all was read. What is there is printed before the wait.</summary>
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(200);

    /// <returns>Whether it has ended; else as much was printed as was asked for.</returns>
    /// <exception cref="InterruptedException">It was ended.</exception>
    /// <exception cref="OutputException">Whoever read what is printed has enough.</exception>
    /// <exception cref="Formats.TraceFormatException">It was removed, or cannot be read.</exception>
    public bool Run()
    {
        while (true)
        {
            image.Look();
            if (image.Reader.IsOvertaken)
            {
                throw new Formats.TraceFormatException(image.Reader.Path, null,
                    $"events were let go of (--keep) before they could be printed: {Quantity.Count(lines.Printed, "event")} shown; "
                    + "keep more, or look again: --from-mark, --thread and a pipe that is read fast help");
            }
            stacks.HasLooked();
            lines.Print(Fill);
            if (token.IsCancellationRequested)
                throw new InterruptedException($"{Quantity.Count(lines.Printed, "event")} shown");
            if (lines.IsFull || image.Reader.IsPastRange)
                return false;
            if (image.Reader.HorizonNs == long.MaxValue)
                return true;
            terminal.RequireReader();
            token.WaitHandle.WaitOne(LookEvery);
        }
    }

    private int Fill(Span<TraceEvent> batch)
    {
        int n = 0;
        while (n < batch.Length && image.Reader.Read(out batch[n]))
        {
            image.Reader.NumberThreads(ref batch[n]);
            if (thread is null || batch[n].Thread == thread)
                n++;
            if (n % 64 == 0 && token.IsCancellationRequested)
                break;
        }
        return n;
    }
}
