using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using AllocReplay.Formats;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace AllocReplay.Cli.Output;

/// <summary>Where a command writes: data to <see cref="Out"/>, progress and notes to <see cref="Error"/>.</summary>
internal sealed class Terminal(TextWriter @out, TextWriter error)
{
    /// <summary>Wider than this, a page is hard to read, and does not fit in a ticket or a mail.</summary>
    private const int PageWidth = 100;

    /// <summary>A pipe has no width: rows run as long as they are.</summary>
    private const int NoWidth = 100_000;

    /// <summary>Fewer bytes of events than this are read in a second or so: no progress needs to be shown.</summary>
    private const long ProgressFrom = 8 << 20;

    private const string ShowCursor = "\e[?25h";

    /// <summary>How every command prints <c>--json</c>.</summary>
    public static readonly JsonSerializerOptions Json = JsonTypes.Create();

    private static readonly JsonSerializerOptions JsonLine = new(Json) { WriteIndented = false };

    /// <summary>Columns of the terminal, or as many as <c>COLUMNS</c> wants where there is none; null where nothing tells.</summary>
    private readonly int? _columns = Columns();

    private readonly IAnsiConsole _error = Interactive(error);
    private volatile bool _hasProgress;

    /// <summary>Names of the commands that this executable has; null for all.</summary>
    public IReadOnlyCollection<string>? CommandNames { get; set; }

    public TextWriter Out { get; } = @out;
    public TextWriter Error { get; } = error;

    /// <summary>Whether somebody can be asked: standard input and output are a terminal, and the data goes there.</summary>
    public bool IsInteractive => Out is StreamWriter { BaseStream: StandardStream } && !Console.IsInputRedirected && !Console.IsOutputRedirected;

    /// <summary>Columns of a page that is made to be read: the terminal's, but no more than read well.</summary>
    public int Width => Math.Min(PageWidth, _columns ?? PageWidth);

    /// <summary>Prints a table or other renderable as data, as wide as the terminal.</summary>
    public void Write(IRenderable renderable) => Write(renderable, _columns ?? NoWidth);

    /// <summary>As <see cref="Write(IRenderable)"/>, but lines run as long as they are where the terminal is narrower: no value is cut.</summary>
    public void WriteWide(IRenderable renderable) => Write(renderable, NoWidth);

    /// <summary>
    /// As <see cref="Write(IRenderable)"/>, in so many columns. Plain text, without blanks at the ends of lines and below, wherever it goes:
    /// what is on the screen is what a file gets.
    /// </summary>
    public void Write(IRenderable renderable, int width)
    {
        foreach (string line in Lines(renderable, width))
            Line(line);
    }

    /// <summary>A renderable as lines of plain text, without blanks at their ends and without blank ones below.</summary>
    public static IReadOnlyList<string> Lines(IRenderable renderable, int width)
    {
        var page = new StringWriter { NewLine = "\n" };
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(page),
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false },
        });
        console.Profile.Width = width;
        console.Profile.Capabilities.Unicode = true;
        console.Write(renderable);
        return [.. page.ToString().TrimEnd().Split('\n').Select(l => TextLine.Plain(l.TrimEnd()))];
    }

    /// <summary>Prints one line of data, whatever it holds.</summary>
    public void Line(string text) => Out.WriteLine(TextLine.Plain(text.TrimEnd()));

    /// <summary>Prints data that is text in UTF-8 already, as it is.</summary>
    public void Write(ReadOnlySpan<byte> utf8)
    {
        if (Out is not StreamWriter writer)
        {
            Out.Write(Encoding.UTF8.GetString(utf8));
            return;
        }
        writer.Flush();
        writer.BaseStream.Write(utf8);
    }

    /// <summary>To be asked by who prints seldom: a pipe that nobody reads any more is noticed by writing, else.</summary>
    /// <exception cref="OutputException">Nobody reads it any more.</exception>
    public void RequireReader() => ((Out as StreamWriter)?.BaseStream as StandardStream)?.RequireReader();

    /// <summary>Type of the last object that was printed as JSON: what docs/reference/json.md is compared with.</summary>
    public Type? JsonType { get; private set; }

    /// <summary>Prints one JSON object, which says first what it is an instance of: docs/reference/json.md.</summary>
    /// <param name="schema">Name and version, as <c>allocreplay.info/1</c>: the version rises when a property changes its meaning or goes.</param>
    /// <param name="value">Serialized as an object.</param>
    /// <param name="isLine">Whether it is one of several, each on one line; they are passed on as they come.</param>
    public void WriteJson<T>(string schema, T value, bool isLine = false)
    {
        JsonObject properties = JsonSerializer.SerializeToNode(value, (JsonTypeInfo<T>)Json.GetTypeInfo(typeof(T)))!.AsObject();
        JsonType = typeof(T);
        properties.Insert(0, "schema", schema);
        Out.WriteLine(properties.ToJsonString(isLine ? JsonLine : Json));
        if (isLine)
            Out.Flush();
    }

    /// <summary>A note on stderr, one line whatever it holds; never data. It comes after the data that was printed before it.</summary>
    public void Note(string line)
    {
        Out.Flush();
        Error.WriteLine(TextLine.Plain(line));
    }

    /// <summary>Notes what to type next: commands as <see cref="TextLine.Command"/> writes them, on one line where that is wide enough.</summary>
    public void Next(params string[] commands)
    {
        // The native recorder has few commands; what comes next is often for the tool that has all.
        bool isHere = commands.All(c => CommandNames is null || c.Split(' ') is not ["allocreplay", { } name, ..] || CommandNames.Contains(name));
        string next = isHere ? "Next: " : "Next, where all of allocreplay is: ";
        string line = next + string.Join("   or   ", commands);
        if (line.Length <= PageWidth || commands.Length == 1)
        {
            Note(line);
            return;
        }
        for (int i = 0; i < commands.Length; i++)
            Note((i == 0 ? next : "or: ".PadLeft(next.Length)) + commands[i]);
    }

    /// <summary>What a command that showed all it could read of a trace ends with: damage is an error, unless it was reckoned with.</summary>
    public int EndOf(TraceReader reader, bool partial) => EndOf(reader.Damage, partial);

    /// <inheritdoc cref="EndOf(TraceReader, bool)"/>
    public int EndOf(TraceFormatException? damage, bool partial)
    {
        if (damage is null)
            return ExitCode.Ok;
        Note($"allocreplay: {(partial ? "warning: " : "")}{damage.Message}");
        return partial ? ExitCode.Ok : ExitCode.BadInput;
    }

    /// <summary>
    /// Runs work that may take over two seconds under a progress bar on stderr. The work reports fractions from 0 to 1. Where
    /// stderr is not a terminal, nothing is drawn and the title is printed once.
    /// </summary>
    public T WithProgress<T>(string title, Func<IProgress<double>, T> work)
    {
        title = TextLine.Plain(title);
        Out.Flush();
        if (!_error.Profile.Capabilities.Interactive)
        {
            Note(title + " …");
            return work(new ImmediateProgress(_ => { }));
        }
        _hasProgress = true;
        // The bar hides the cursor. Interrupted, it would stay hidden; the signal then does what it always does.
        PosixSignalRegistration[] interrupted =
            [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT }
                .Select(s => PosixSignalRegistration.Create(s, _ => Error.WriteLine(ShowCursor)))];
        try
        {
            return _error.Progress().AutoClear(true)
                .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
                .Start(context =>
                {
                    ProgressTask task = context.AddTask(Markup.Escape(title), maxValue: 1);
                    T result = work(new ImmediateProgress(fraction => task.Value = Advanced(task.Value, fraction)));
                    task.Value = 1; // whatever was reported: it is done
                    return result;
                });
        }
        finally
        {
            _hasProgress = false;
            foreach (PosixSignalRegistration registration in interrupted)
                registration.Dispose();
        }
    }

    /// <summary>
    /// As <see cref="WithProgress{T}(string, Func{IProgress{double}, T})"/>, for work that is mostly done at once: a bar, or the title, comes after a
    /// second. It may be a part of work that has a bar already; then it has none of its own.
    /// </summary>
    public T WithLateProgress<T>(string title, Func<IProgress<double>, T> work)
    {
        double share = 0;
        Task<T> working = Task.Run(() => work(new ImmediateProgress(s => Volatile.Write(ref share, s))));
        if (Task.WaitAny([working], TimeSpan.FromSeconds(1)) < 0 && !_hasProgress)
            WithProgress(title, progress =>
            {
                while (Task.WaitAny([working], TimeSpan.FromMilliseconds(100)) < 0)
                    progress.Report(Volatile.Read(ref share));
                return true;
            });
        return working.GetAwaiter().GetResult();
    }

    /// <summary>As <see cref="WithProgress{T}(string, Func{IProgress{double}, T})"/>, of work that reads a trace, which may be small.</summary>
    public T WithProgress<T>(TraceReader reader, string title, Func<IProgress<double>?, T> work) =>
        reader.EventBytes < ProgressFrom ? work(null) : WithProgress(title, work);

    /// <summary>A table in the house style: no frame but a rule under the header.</summary>
    public static Table NewTable(params (string Header, Justify Align)[] columns)
    {
        var table = new Table { Border = TableBorder.Simple };
        foreach ((string header, Justify align) in columns)
            table.AddColumn(new TableColumn(new Text(TextLine.Plain(header))) { Alignment = align, NoWrap = true });
        return table;
    }

    /// <summary>Names and values, one pair a line; a long value goes on under its beginning.</summary>
    public static Grid NewFacts() => new Grid().AddColumn(new GridColumn { NoWrap = true }).AddColumn();

    /// <summary>A bar never goes back, and takes no fraction that is none.</summary>
    internal static double Advanced(double now, double fraction) => fraction > now ? Math.Min(1, fraction) : now;

    private static int? Columns()
    {
        if (!Console.IsOutputRedirected && Console.WindowWidth > 0)
            return Console.WindowWidth;
        return int.TryParse(Environment.GetEnvironmentVariable("COLUMNS"), out int columns) && columns > 0 ? columns : null;
    }

    private static IAnsiConsole Interactive(TextWriter writer)
    {
        bool redirected = Console.IsErrorRedirected;
        bool plain = redirected || Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 };
        return AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = redirected ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = plain ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = redirected ? InteractionSupport.No : InteractionSupport.Detect,
        });
    }

    /// <summary>Reports on the calling thread, unlike <see cref="Progress{T}"/>.</summary>
    private sealed class ImmediateProgress(Action<double> report) : IProgress<double>
    {
        public void Report(double value) => report(value);
    }
}

/// <summary>Rows of text that may hold anything: no markup, and one line a cell.</summary>
internal static class TextCells
{
    public static void Add(this Table table, params string[] cells) => table.AddRow(cells.Select(Plain));

    public static void Add(this Grid grid, params string[] cells) => grid.AddRow([.. cells.Select(Plain)]);

    /// <summary>No markup, which would read :thread: as a picture.</summary>
    private static IRenderable Plain(string cell) => new Text(TextLine.Plain(cell));
}
