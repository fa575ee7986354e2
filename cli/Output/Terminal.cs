using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using AllocReplay.Formats;
using Spectre.Console;

namespace AllocReplay.Cli.Output;

/// <summary>Where a command writes: data to <see cref="Out"/>, progress and notes to <see cref="Error"/>.</summary>
internal sealed class Terminal(TextWriter @out, TextWriter error)
{
    /// <summary>Wider than this, a page is hard to read, and does not fit in a ticket or a mail.</summary>
    private const int PageWidth = 100;

    /// <summary>How every command prints <c>--json</c>.</summary>
    public static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.Never,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly IAnsiConsole _out = Create(@out, Console.IsOutputRedirected);
    private readonly IAnsiConsole _error = Create(error, Console.IsErrorRedirected);

    public TextWriter Out { get; } = @out;
    public TextWriter Error { get; } = error;

    /// <summary>Prints a table or other renderable as data.</summary>
    public void Write(Spectre.Console.Rendering.IRenderable renderable) => _out.Write(renderable);

    /// <summary>Columns of a page that is made to be read: the terminal's, but no more than read well.</summary>
    public int Width => Math.Min(PageWidth, Console.IsOutputRedirected && int.TryParse(Environment.GetEnvironmentVariable("COLUMNS"), out int columns) && columns > 0 ? columns : _out.Profile.Width);

    /// <summary>As <see cref="Write(Spectre.Console.Rendering.IRenderable)"/>, in so many columns, plain, and without blanks at the ends of lines and below.</summary>
    public void Write(Spectre.Console.Rendering.IRenderable renderable, int width)
    {
        var page = new StringWriter();
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(page),
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false },
        });
        console.Profile.Width = width;
        console.Write(renderable);
        foreach (string line in page.ToString().TrimEnd().Split('\n'))
            Out.WriteLine(line.TrimEnd());
    }

    /// <summary>As <see cref="Write(Spectre.Console.Rendering.IRenderable)"/>, but lines run as long as they are where the terminal is narrower: no value is cut.</summary>
    public void WriteWide(Spectre.Console.Rendering.IRenderable renderable)
    {
        int width = _out.Profile.Width;
        _out.Profile.Width = 100_000;
        _out.Write(renderable);
        _out.Profile.Width = width;
    }

    /// <summary>Prints one JSON object, which says first what it is an instance of: docs/reference/json.md.</summary>
    /// <param name="schema">Name and version, as <c>allocreplay.info/1</c>: the version rises when a property changes its meaning or goes.</param>
    /// <param name="value">Serialized as an object.</param>
    public void WriteJson<T>(string schema, T value)
    {
        JsonObject properties = JsonSerializer.SerializeToNode(value, Json)!.AsObject();
        properties.Insert(0, "schema", schema);
        Out.WriteLine(properties.ToJsonString(Json));
    }

    /// <summary>A note on stderr; never data.</summary>
    public void Note(string line) => Error.WriteLine(line);

    /// <summary>What a command that showed all it could read of a trace ends with: damage is an error, unless it was reckoned with.</summary>
    public int EndOf(TraceReader reader, bool partial)
    {
        if (reader.Damage is null)
            return ExitCode.Ok;
        Note($"allocreplay: {(partial ? "warning: " : "")}{reader.Damage.Message}");
        return partial ? ExitCode.Ok : ExitCode.BadInput;
    }

    /// <summary>
    /// Runs work that may take over two seconds under a progress bar on stderr. The work reports fractions from 0 to 1. Where
    /// stderr is not a terminal, nothing is drawn and the title is printed once.
    /// </summary>
    public T WithProgress<T>(string title, Func<IProgress<double>, T> work)
    {
        if (!_error.Profile.Capabilities.Interactive)
        {
            Note(title + " …");
            return work(new ImmediateProgress(_ => { }));
        }
        // The bar hides the cursor. Interrupted, it would stay hidden; the signal then does what it always does.
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, _ => Error.WriteLine("\u001b[?25h"));
        return _error.Progress().AutoClear(true).HideCompleted(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .Start(context =>
            {
                ProgressTask task = context.AddTask(Markup.Escape(title), maxValue: 1);
                return work(new ImmediateProgress(fraction => task.Value = fraction));
            });
    }

    /// <summary>A table in the house style: no frame but a rule under the header.</summary>
    public static Table NewTable(params (string Header, Justify Align)[] columns)
    {
        var table = new Table { Border = TableBorder.Simple };
        foreach ((string header, Justify align) in columns)
            table.AddColumn(new TableColumn(Markup.Escape(header)) { Alignment = align, NoWrap = true });
        return table;
    }

    private static IAnsiConsole Create(TextWriter writer, bool redirected)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = redirected ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 } || redirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = redirected ? InteractionSupport.No : InteractionSupport.Detect,
        });
        // A pipe has no width: let rows run as long as they are.
        if (redirected)
            console.Profile.Width = 400;
        return console;
    }

    /// <summary>Reports on the calling thread, unlike <see cref="Progress{T}"/>.</summary>
    private sealed class ImmediateProgress(Action<double> report) : IProgress<double>
    {
        public void Report(double value) => report(value);
    }
}
