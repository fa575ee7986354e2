using System.Diagnostics;
using System.Text.Json;
using AllocReplay.Formats;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Endtoend;

/// <summary>Ordinary programs do the same with the recorder as without, and every recording of theirs opens with nothing lost.</summary>
[StartsProcesses]
public sealed class OrdinaryProgramsTests : IDisposable
{
    private const string PythonThreads = """
        import json, threading
        results = [None] * 4
        def work(i):
            results[i] = len(json.dumps([json.loads(json.dumps({"k": list(range(200)), "i": i})) for _ in range(200)]))
        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        print(results)
        """;

    private const string Perl = "my %h; $h{$_ % 977} .= chr(65 + $_ % 26) for 1..200000; print length(join '', map { $h{$_} } sort keys %h), \"\\n\"";

    private const string Node = "const a = []; for (let i = 0; i < 1e5; i++) a.push(Buffer.from('x' + i)); console.log(a.length, a[777].toString())";

    private const string Sql = "create table t(a, b); with recursive n(i) as (select 1 union all select i + 1 from n where i < 50000) " +
        "insert into t select i, hex(i) from n; select count(*), sum(a), max(b) from t;";

    private static readonly string[] RedisCommands =
        ["set a 1", "incr a", "lpush l x y z", "lrange l 0 -1", "hset h f v", "hgetall h", "dbsize"];

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Ls() => AssertSame("ls", "-la", "/usr/bin");

    [Fact]
    public void Git_log() => AssertSame("git", "-C", MakeRepository(), "log", "--stat");

    [Fact]
    public void Python_with_json_and_threads() => AssertSame("python3", "-c", PythonThreads);

    [Fact]
    public void Perl_script() => AssertSame("perl", "-e", Perl);

    [Fact]
    public void Gcc_optimizing_a_file()
    {
        Programs.Need("gcc", "sha256sum");
        string source = Path.Combine(SourceTree.Root, "tests", "targets", "known_calls.c");
        AssertSame("sh", "-c", $"gcc -O2 -pthread -c '{source}' -o '{_directory["o"]}' && sha256sum < '{_directory["o"]}'");
    }

    [Fact]
    public void Sqlite() => AssertSame("sqlite3", ":memory:", Sql);

    [Fact]
    public void Sort_of_a_hundred_megabytes_on_two_threads()
    {
        Programs.Need("sort", "sha256sum");
        WriteLines(_directory["lines"], 100_000_000);
        AssertSame("sort", "--parallel=2", "-S", "40M", "-T", _directory.Path, "-o", _directory["sorted"], _directory["lines"]);
        string expected = Programs.Run("sha256sum", [_directory["sorted"]]).Output;
        Assert.Equal(0, Programs.Run("sort", ["--parallel=2", "-o", _directory["sorted"], _directory["lines"]]).ExitCode);
        Assert.Equal(expected, Programs.Run("sha256sum", [_directory["sorted"]]).Output);
    }

    [Fact]
    public void Tar_and_gzip()
    {
        Programs.Need("tar", "gzip", "sha256sum");
        string tar = $"tar -C '{SourceTree.Root}' --sort=name -cf - formats recorder tests/targets --exclude=obj --exclude=bin";
        AssertSame("sh", "-c", $"{tar} | gzip -n | sha256sum");
    }

    [Fact]
    public void Node_script() => AssertSame("node", "-e", Node);

    [Fact]
    public void Java_version() => AssertSame("java", "-version");

    [Fact]
    public void Dotnet_info() => AssertSame("dotnet", "--info");

    [Fact]
    public void Redis_server()
    {
        const int port = 17841;
        string[] server = [Programs.RedisServer(_directory.Path), "--port", $"{port}", "--bind", "127.0.0.1", "--io-threads", "2",
            "--save", "", "--dir", _directory.Path];
        (string plain, int plainCode) = Converse(server[0], server[1..], port);
        (string recorded, int recordedCode) = Converse(Programs.AllocReplayCommand, ["record", "-q", "-o", Recording, "--", .. server], port);
        Assert.Equal(plain, recorded);
        Assert.Equal(plainCode, recordedCode);
        AssertNothingLost();
    }

    private string Recording => _directory["program.allocrec"];

    private void AssertSame(string program, params string[] arguments)
    {
        Programs.Need(program);
        ProgramResult plain = Programs.Run(program, arguments);
        ProgramResult recorded = Programs.AllocReplay(["record", "-q", "-o", Recording, "--", program, .. arguments]);
        Assert.Equal(plain.ExitCode, recorded.ExitCode);
        Assert.Equal(plain.Output, recorded.Output);
        Assert.Equal(plain.Error, recorded.Error);
        AssertNothingLost();
    }

    private void AssertNothingLost()
    {
        ProgramResult info = Programs.AllocReplay("info", "--json", Recording);
        Assert.True(info.ExitCode == 0, info.Error);
        using JsonDocument json = JsonDocument.Parse(info.Output);
        Assert.Equal(0, json.RootElement.GetProperty("events_lost").GetInt64());
        Assert.True(json.RootElement.GetProperty("calls").GetInt64() > 0);
        foreach (string image in json.RootElement.GetProperty("images").EnumerateArray().Select(i => i.GetProperty("name").GetString()!))
        {
            using TraceReader reader = TraceReader.Open(Recording, image);
            while (reader.Read(out _))
            {
            }
            Assert.Null(reader.Damage);
            Assert.Equal(0UL, reader.Process.LostEvents);
        }
    }

    /// <summary>Starts a server, asks it the same few things, shuts it down. Connecting retries until the server listens.</summary>
    private static (string Replies, int ExitCode) Converse(string file, string[] arguments, int port)
    {
        using Process server = Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true })!;
        server.OutputDataReceived += (_, _) => { };
        server.BeginOutputReadLine();
        string[] cli = ["-h", "127.0.0.1", "-p", $"{port}"];
        var patience = Stopwatch.StartNew();
        while (Programs.Run("redis-cli", [.. cli, "ping"]).Output.Trim() != "PONG")
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(30) && !server.HasExited, "redis-server does not answer");
        string replies = string.Concat(RedisCommands.Select(command => Programs.Run("redis-cli", [.. cli, .. command.Split(' ')]).Output));
        Programs.Run("redis-cli", [.. cli, "shutdown", "nosave"]);
        server.WaitForExit();
        return (replies, server.ExitCode);
    }

    private string MakeRepository()
    {
        Programs.Need("git");
        string path = _directory["repository"];
        string script = $"git init -q '{path}' && cd '{path}' && for i in $(seq 30); do echo $i >> f; git add f; " +
            "git -c user.name=a -c user.email=a@example.org commit -q -m \"commit $i\"; done";
        Assert.Equal(0, Programs.Run("sh", ["-c", script]).ExitCode);
        return path;
    }

    private static void WriteLines(string path, long bytes)
    {
        using var writer = new StreamWriter(path);
        ulong state = 0x9e3779b97f4a7c15;
        for (long written = 0; written < bytes; written += 17)
        {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            writer.Write(state.ToString("x16", null));
            writer.Write('\n');
        }
    }
}
