using System.Diagnostics;
using AllocReplay.Analyzer.Query;
using AllocReplay.Cli.Options;
using AllocReplay.Cli.Output;

namespace AllocReplay.Cli.Prompt;

/// <summary>
/// A dataset and somebody who asks it: each statement is answered as <c>query</c> answers it, with how long that took; what is wrong ends nothing.
/// </summary>
/// <remarks>
/// One thread reads and runs. Ctrl-C comes on another: it takes the source of the statement that runs and cancels it. A source is of one statement and is
/// never disposed, so one that is cancelled late, when its statement has ended, ends nothing else.
/// </remarks>
internal sealed class PromptSession(
    DatasetQuery query, PromptSettings settings, IInputReader reader, History history, Terminal terminal, CancellationToken token)
{
    /// <summary>After so long, somebody who waits is told how to end it.</summary>
    private static readonly TimeSpan HintAfter = TimeSpan.FromSeconds(2);

    private readonly PromptCommands _commands = new(new QueryNames(query), terminal);
    private volatile CancellationTokenSource? _running;
    private PromptSettings _settings = settings;

    /// <summary>Reads and runs until there is no more, or it is left.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="OutputException">Standard output cannot be written.</exception>
    public void Run()
    {
        while (reader.Read() is { } text)
        {
            history.Add(text);
            foreach (InputPart part in InputSplitter.Split(text).Parts)
            {
                PromptStep step = Try(part);
                if (step == PromptStep.Leave)
                    return;
                if (step == PromptStep.Drop)
                    break;
            }
        }
    }

    /// <summary>Interrupts the statement that runs.</summary>
    /// <returns>Whether one does.</returns>
    public bool Interrupt()
    {
        CancellationTokenSource? running = _running;
        running?.Cancel();
        return running is not null;
    }

    private PromptStep Try(InputPart part)
    {
        var cancel = new CancellationTokenSource();
        using CancellationTokenRegistration ending = token.Register(cancel.Cancel);
        _running = cancel;
        try
        {
            if (!part.IsCommand)
            {
                Answer(part.Text, view: null, cancel.Token);
                return PromptStep.GoOn;
            }
            PromptResult result = _commands.Run(part.Text, _settings);
            _settings = result.Settings;
            if (result.Statement is { } statement)
                Answer(statement, result.View, cancel.Token);
            return result.Step;
        }
        catch (OperationCanceledException) when (!token.IsCancellationRequested)
        {
            terminal.Note("interrupted");
            return PromptStep.Drop;
        }
        catch (Exception e) when (e is not OutputException && Failures.Classify(e) is not null)
        {
            foreach (string line in Failures.Lines(e, e.Message))
                terminal.Note(line);
            return PromptStep.GoOn;
        }
        finally
        {
            _running = null;
        }
    }

    private void Answer(string statement, string? view, CancellationToken cancel)
    {
        long began = Stopwatch.GetTimestamp();
        long? rows;
        // Other formats show their rows as they come. The timer writes to stderr, which passes each line on at once.
        using (new Timer(_ => terminal.Error.WriteLine("running; Ctrl-C interrupts it"), null,
            _settings.Format == QueryFormat.Table ? HintAfter : Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan))
            rows = new QueryTarget(_settings.Format, File: null).Answer(query, statement, view, _settings.Limit, ".limit N", terminal, cancel);
        string time = Quantity.Duration(Stopwatch.GetElapsedTime(began).TotalNanoseconds);
        terminal.Note(rows is { } count ? $"{Quantity.Count(count, "row")}, {time}" : time);
    }
}
