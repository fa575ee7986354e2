using AllocReplay.Formats.Files;

namespace AllocReplay.Symbols.Objects;

/// <summary>Debug files from servers that know them by build id. A server that does not answer is not asked again.</summary>
internal sealed class Debuginfod(SymbolOptions options, CancellationToken token) : IDisposable
{
    /// <summary>More than any debug file has.</summary>
    private const long LengthMax = 8L << 30;

    private readonly HttpClient _client = new() { Timeout = Timeout.InfiniteTimeSpan };
    private readonly HashSet<Uri> _silent = [];

    /// <summary>Servers that did not answer, and why.</summary>
    public Dictionary<Uri, string> Problems { get; } = [];

    /// <summary>The file that was fetched before; null when there is none.</summary>
    public string? Kept(string buildId) => IsId(buildId) && File.Exists(PathOf(buildId)) ? PathOf(buildId) : null;

    /// <summary>Asks the servers for a debug file.</summary>
    /// <returns>Its path; null when no server has it.</returns>
    public string? Fetch(string buildId)
    {
        if (!IsId(buildId))
            return null;
        foreach (Uri server in options.DebuginfodServers)
        {
            if (_silent.Contains(server))
                continue;
            try
            {
                if (FetchAsync(server, buildId).GetAwaiter().GetResult())
                    return PathOf(buildId);
            }
            catch (Exception e) when (!token.IsCancellationRequested) // whatever a server makes of it
            {
                _silent.Add(server);
                Problems[server] = e is OperationCanceledException ? "it did not answer" : e.Message;
            }
        }
        return null;
    }

    public void Dispose() => _client.Dispose();

    private async Task<bool> FetchAsync(Uri server, string buildId)
    {
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(token);
        silence.CancelAfter(options.DebuginfodTimeout);
        var wanted = new Uri($"{server.ToString().TrimEnd('/')}/buildid/{buildId}/debuginfo");
        using HttpResponseMessage answer =
            await _client.GetAsync(wanted, HttpCompletionOption.ResponseHeadersRead, silence.Token).ConfigureAwait(false);
        if (!answer.IsSuccessStatusCode)
            return false;
        string path = PathOf(buildId), temporary = $"{path}.{Environment.ProcessId}.tmp";
        PrivateFile.CreateDirectory(Path.GetDirectoryName(path)!);
        try
        {
            using Stream body = await answer.Content.ReadAsStreamAsync(silence.Token).ConfigureAwait(false);
            using (FileStream file = PrivateFile.Create(temporary, FileMode.Create))
            {
                var buffer = new byte[1 << 16];
                int n;
                long total = 0;
                while ((n = await body.ReadAsync(buffer, silence.Token).ConfigureAwait(false)) > 0)
                {
                    silence.CancelAfter(options.DebuginfodTimeout); // it is not silent
                    if ((total += n) > LengthMax)
                        return false;
                    await file.WriteAsync(buffer.AsMemory(0, n), silence.Token).ConfigureAwait(false);
                }
            }
            if (ObjectFile.Open(temporary)?.BuildId != buildId)
                return false;
            File.Move(temporary, path, overwrite: true);
            return true;
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private string PathOf(string buildId) => Path.Combine(options.DebuginfodCache, buildId, "debuginfo");

    private static bool IsId(string buildId) => buildId.Length >= 4 && buildId.All(char.IsAsciiHexDigitLower);
}
