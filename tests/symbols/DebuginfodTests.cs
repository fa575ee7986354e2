using System.Net;
using System.Net.Sockets;
using AllocReplay.Symbols;
using AllocReplay.Symbols.Objects;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Symbols;

/// <summary>Debug files from servers: asked for by build id, checked, kept; and never when nobody said so.</summary>
[StartsProcesses]
public sealed class DebuginfodTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly string _program = Targets.Build("symbols.cpp", "-g", "-Wl,--build-id=sha1");

    public void Dispose() => _directory.Dispose();

    private string BuildId => ObjectFile.Open(_program)!.BuildId;

    [Fact]
    public void A_debug_file_is_fetched_once_and_kept()
    {
        using var server = new Server(path => path == $"/buildid/{BuildId}/debuginfo" ? File.ReadAllBytes(_program) : null);
        string kept = _directory[$"fetched/{BuildId}/debuginfo"];
        Assert.Equal((true, kept, null), Resolve(server.Uri));
        Assert.Equal((true, kept, null), Resolve(server.Uri));
        Assert.Equal((true, kept, null), Resolve()); // it is there now
        Assert.Equal(1, server.Requests);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(kept));
    }

    [Fact]
    public void Without_a_server_none_is_asked() => Assert.Equal((false, "", "it is stripped: exported functions only"), Resolve());

    [Fact]
    public void What_is_not_the_file_is_not_taken()
    {
        using var missing = new Server(_ => null);
        Assert.False(Resolve(missing.Uri).HasLines);
        using var another = new Server(_ => File.ReadAllBytes(Targets.Build("symbols.cpp", "-g", "-O2", "-Wl,--build-id=sha1")));
        Assert.False(Resolve(another.Uri).HasLines);
        using var junk = new Server(_ => [1, 2, 3]);
        Assert.False(Resolve(junk.Uri).HasLines);
        Assert.Empty(Directory.Exists(_directory["fetched"]) ? Directory.GetFiles(_directory["fetched"], "*", SearchOption.AllDirectories) : []);
    }

    [Theory]
    [InlineData("file:///etc/passwd")]
    [InlineData("http://")]
    [InlineData("nonsense://x")]
    public void A_server_that_sends_elsewhere_is_left(string location)
    {
        using var server = new Server(_ => null, location);
        Assert.False(Resolve(server.Uri).HasLines);
    }

    /// <summary>The next server is asked; one that was silent is not asked again, and named.</summary>
    [Fact]
    public void A_server_that_is_not_there_is_passed_over()
    {
        var nobody = new Uri($"http://127.0.0.1:{FreePort()}/");
        using var server = new Server(_ => File.ReadAllBytes(_program));
        Assert.True(Resolve(nobody, server.Uri).HasLines);
        Assert.Equal([nobody], _silent);
    }

    [Fact]
    public void A_server_that_does_not_answer_is_left()
    {
        using var held = new ManualResetEventSlim();
        using var server = new Server(_ =>
        {
            held.Wait();
            return null;
        });
        Assert.False(Resolve(server.Uri).HasLines);
        Assert.Equal([server.Uri], _silent);
        held.Set();
    }

    /// <summary>Debian's own server, in a network of its own, which has a loopback and nothing else.</summary>
    [Fact]
    public void Debians_server_is_understood()
    {
        Programs.Need("debuginfod", "unshare", "ip", "curl", "objcopy");
        Directory.CreateDirectory(_directory["served"]);
        File.Copy(_program, _directory["served/program"]);
        string stripped = Strip();
        const string script = """
            ip link set lo up || exit 77
            debuginfod -F -d "$1/db" -p 8002 "$1/served" > "$1/log" 2>&1 &
            server=$!
            trap 'kill $server; wait $server' EXIT
            # It answers once it has looked at the files.
            for n in $(seq 300); do
                curl -sf --retry 100 --retry-connrefused --retry-delay 1 -o /dev/null "http://127.0.0.1:8002/buildid/$2/debuginfo" && break
            done
            cd "$1" && DEBUGINFOD_URLS="http://127.0.0.1:8002/" DEBUGINFOD_CACHE_PATH="$1/fetched" XDG_CACHE_HOME="$1/cache" "$3" symbolize --json r
            """;
        Assert.Equal(0, Programs.Run(Programs.AllocReplayCommand, ["record", "--stacks", "auto", "-o", _directory["r"], "--", stripped]).ExitCode);
        ProgramResult result = Programs.Run(
            "unshare", ["-rn", "sh", "-c", script, "sh", _directory.Path, BuildId, Programs.AllocReplayCommand]);
        Assert.SkipWhen(result.ExitCode == 77 || result.Error.Contains("unshare", StringComparison.Ordinal), "no network of one's own may be made here");
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains(_directory[$"fetched/{BuildId}/debuginfo"], result.Output, StringComparison.Ordinal);
    }

    private IReadOnlyList<Uri> _silent = [];

    private (bool HasLines, string Source, string? Problem) Resolve(params Uri[] servers)
    {
        string stripped = Strip();
        using var symbolizer = new Symbolizer(new SymbolOptions
        {
            Cache = null,
            DebuginfodServers = servers,
            DebuginfodCache = _directory["fetched"],
            DebuginfodTimeout = TimeSpan.FromMilliseconds(500),
        }, TestContext.Current.CancellationToken);
        string line = Programs.Run(_program, []).Output.Split(' ')[0];
        ulong offset = ulong.Parse(line, System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture);
        SymbolResult result = symbolizer.Resolve(CodeFrames.In(stripped, BuildId, offset), SymbolizerTests.Process(DateTimeOffset.UtcNow));
        _silent = [.. symbolizer.SilentServers.Keys];
        ModuleSymbols module = Assert.Single(result.Modules);
        return (module.WithLine > 0, module.Source == stripped ? "" : module.Source, module.Problem);
    }

    private string Strip()
    {
        string stripped = _directory["stripped"];
        if (!File.Exists(stripped))
            Assert.Equal(0, Programs.Run("objcopy", ["--strip-all", _program, stripped]).ExitCode);
        return stripped;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>On the loopback: answers a path with bytes, or says that it has none.</summary>
    private sealed class Server : IDisposable
    {
        private readonly HttpListener _listener = new();
        private int _requests;

        public Server(Func<string, byte[]?> answer, string? location = null)
        {
            Uri = new Uri($"http://127.0.0.1:{FreePort()}/");
            _listener.Prefixes.Add(Uri.ToString());
            _listener.Start();
            _ = Task.Run(async () =>
            {
                while (_listener.IsListening)
                {
                    HttpListenerContext context = await _listener.GetContextAsync();
                    Interlocked.Increment(ref _requests);
                    byte[]? bytes = answer(context.Request.Url!.AbsolutePath);
                    context.Response.StatusCode = location is not null ? 302 : bytes is null ? 404 : 200;
                    if (location is not null)
                        context.Response.Headers["Location"] = location;
                    context.Response.Close(bytes ?? [], willBlock: true);
                }
            });
        }

        public Uri Uri { get; }

        public int Requests => _requests;

        public void Dispose() => _listener.Close();
    }
}
