using System.Globalization;
using System.Text.Json;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Symbols.Engines;

/// <summary>llvm-symbolizer, one process for all object files. It keeps what it has read of each, so that it is begun anew from time to time.</summary>
internal sealed class LlvmSymbolizer(string path) : IResolver
{
    /// <summary>Object files that a process may have read, in bytes: some times as much memory is taken.</summary>
    private const long FilesMax = 64 << 20;

    private const int FailuresMax = 3;

    private HelperProcess? _process;
    private long _files;
    private bool _isSilent; // it does not answer: nobody waits for it again
    private string _last = "";

    public string Identity { get; } = HelperProcess.IdentityOf(path);

    public IReadOnlyList<IReadOnlyList<FunctionLine>> Resolve(string file, IReadOnlyList<ulong> addresses, CancellationToken token)
    {
        var found = new List<IReadOnlyList<FunctionLine>>(addresses.Count);
        using var name = new PlainName(file);
        if (_isSilent)
            return found;
        for (int failures = 0; found.Count < addresses.Count && failures < FailuresMax; failures++)
        {
            HelperProcess process = ProcessFor(file);
            int asked = found.Count;
            process.Ask(addresses.Skip(asked).Select(a => string.Create(CultureInfo.InvariantCulture, $"\"{name.Text}\" 0x{a:x}")), isLast: false);
            while (found.Count < addresses.Count && process.Read(token) is { } line)
                if (line.Length > 0)
                    found.Add(Parse(line));
            if (found.Count == addresses.Count)
                break;
            _isSilent |= process.IsSilent;
            Dispose();
            if (_isSilent)
                break;
            found.Add([]); // it ended over this one
        }
        return found;
    }

    public void Dispose()
    {
        _process?.Dispose();
        _process = null;
        _files = 0;
    }

    private HelperProcess ProcessFor(string file)
    {
        if (file != _last)
        {
            if (_files > FilesMax)
                Dispose();
            _files += new FileInfo(file).Length;
            _last = file;
        }
        return _process ??= HelperProcess.Start(path, "--output-style=JSON", "--no-demangle", "--functions=linkage", "--inlines");
    }

    private static List<FunctionLine> Parse(string line)
    {
        try
        {
            using JsonDocument answer = JsonDocument.Parse(line);
            if (!answer.RootElement.TryGetProperty("Symbol", out JsonElement symbols))
                return [];
            var functions = new List<FunctionLine>();
            foreach (JsonElement symbol in symbols.EnumerateArray())
            {
                string function = symbol.GetProperty("FunctionName").GetString()!, source = symbol.GetProperty("FileName").GetString()!;
                if (function.Length > 0)
                    functions.Add(new FunctionLine(function, "", source, Math.Max(0, symbol.GetProperty("Line").GetInt32())));
            }
            return functions;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return [];
        }
    }
}
