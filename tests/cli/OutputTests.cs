using System.Diagnostics;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Cli;
using AllocReplay.Formats;
using AllocReplay.Recorder;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>What commands write into, and what they leave when they are interrupted or the disk is full.</summary>
[StartsProcesses]
public sealed class OutputTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly CommandRunner _runner = new();

    public OutputTests()
    {
        SampleTrace.Write(Recording);
        new SessionInfo { Command = ["svc"] }.Save(Recording);
        File.WriteAllText(Text, "1: malloc 0x10 1\n");
    }

    private string Recording => _directory["svc.allocrec"];

    private string Text => _directory["in.txt"];

    public void Dispose()
    {
        _runner.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(ExitCode.Usage, "is a pipe", "pack", "REC", "-o", "PIPE", "--force")]
    [InlineData(ExitCode.Usage, "is a pipe", "import", "TEXT", "--from", "android", "-o", "PIPE", "--force")]
    [InlineData(ExitCode.Usage, "not a recording", "replay", "REC", "--record", "PIPE", "--force")]
    [InlineData(ExitCode.Usage, "is a pipe", "replay", "REC", "--record", "PIPE.alloctrace", "--force")]
    [InlineData(ExitCode.Usage, "not a recording", "replay", "REC", "--record", "OTHER", "--force")]
    [InlineData(ExitCode.Usage, "is a file", "analyze", "REC", "-o", "PIPE", "--force")]
    [InlineData(ExitCode.Usage, "inside a recording", "pack", "REC", "-o", "REC/x.alloctrace")]
    [InlineData(ExitCode.Usage, "inside a recording", "import", "TEXT", "--from", "android", "-o", "REC/p100.0/x")]
    [InlineData(ExitCode.Usage, "the trace itself", "replay", "REC", "--record", "IMAGE/x")]
    [InlineData(ExitCode.Usage, "is a recording", "analyze", "REC", "-o", "REC", "--force")]
    [InlineData(ExitCode.Usage, "inside one", "analyze", "REC", "-o", "REC/data")]
    [InlineData(ExitCode.NotPossible, "no such directory", "pack", "REC", "-o", "OTHER/none/x.alloctrace")]
    [InlineData(ExitCode.NotPossible, "no such directory", "import", "TEXT", "--from", "android", "-o", "OTHER/none/x")]
    [InlineData(ExitCode.NotPossible, "cannot be written", "pack", "REC", "-o", "/proc/x.alloctrace")]
    [InlineData(ExitCode.Usage, "is a pipe", "export", "REC", "--format", "collapsed", "-o", "PIPE", "--force")]
    [InlineData(ExitCode.Usage, "inside a recording", "export", "REC", "--format", "collapsed", "-o", "REC/x")]
    [InlineData(ExitCode.NotPossible, "no such directory", "export", "REC", "--format", "collapsed", "-o", "OTHER/none/x")]
    [InlineData(ExitCode.NotPossible, "cannot be written", "export", "REC", "--format", "collapsed", "-o", "/proc/x")]
    [InlineData(ExitCode.RecordFailed, "not a recording", "record", "-o", "PIPE", "--force", "--", "true")]
    [InlineData(ExitCode.RecordFailed, "is a pipe", "record", "-o", "PIPE.alloctrace", "--force", "--", "true")]
    [InlineData(ExitCode.RecordFailed, "inside a recording", "record", "-o", "REC/x", "--", "true")]
    public void An_output_that_cannot_be_is_refused_and_nothing_changes(int code, string words, params string[] arguments)
    {
        NamedPipe.Create(_directory["pipe"]);
        NamedPipe.Create(_directory["pipe.alloctrace"]);
        Directory.CreateDirectory(_directory["other"]);
        File.WriteAllText(_directory["other/mine"], "");
        string[] before = Entries();

        int actual = _runner.Run([.. arguments.Select(Named)]);

        Assert.True(code == actual, $"{actual}: {_runner.Error}");
        string said = Assert.Single(_runner.Error.Split('\n'), l => l.StartsWith("allocreplay: ", StringComparison.Ordinal));
        Assert.Contains(words, said, StringComparison.Ordinal);
        Assert.Equal(before, Entries());
    }

    [Fact]
    public void What_holds_a_trace_is_readable_by_its_owner_alone()
    {
        Assert.Equal(ExitCode.Ok, _runner.Run("analyze", Recording, "-o", _directory["new/data"]));
        Assert.Equal(ExitCode.Ok, _runner.Run("pack", Recording, "-o", _directory["svc.alloctrace"]));
        const UnixFileMode file = UnixFileMode.UserRead | UnixFileMode.UserWrite;

        int tables = DatasetTables.All.Count(t => t != DatasetTables.Events); // which is written on request
        Assert.Equal(tables, Directory.GetFiles(_directory["new"], "*", SearchOption.AllDirectories).Length);
        Assert.All([_directory["svc.alloctrace"], .. Directory.GetFiles(_directory["new"], "*", SearchOption.AllDirectories)],
            f => Assert.Equal(file, File.GetUnixFileMode(f)));
        Assert.All([_directory["new"], .. Directory.GetDirectories(_directory["new"], "*", SearchOption.AllDirectories)],
            d => Assert.Equal(file | UnixFileMode.UserExecute, File.GetUnixFileMode(d)));
    }

    [Theory]
    [InlineData("HUP", 1, ExitCode.HungUp)]
    [InlineData("INT", 2, ExitCode.Interrupted)]
    [InlineData("QUIT", 3, ExitCode.Quit)]
    [InlineData("TERM", 15, ExitCode.Interrupted)]
    public async Task Whatever_ends_a_command_it_leaves_nothing_unfinished(string name, int signal, int code)
    {
        (Process import, Task<string> said) = StartImport("--default-signal=" + name);
        using (import)
        {
            Signals.Send(import.Id, signal);
            try
            {
                // It looks whether it is interrupted when something has come.
                while (!import.HasExited)
                {
                    await import.StandardInput.WriteLineAsync("1: malloc 0x20 1");
                    await import.StandardInput.FlushAsync(TestContext.Current.CancellationToken);
                }
            }
            catch (IOException)
            {
                // It has ended.
            }
            await import.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal((code, "allocreplay: interrupted; nothing unfinished is left\n"), (import.ExitCode, await said));
        }
        Assert.Equal(["in.txt", "svc.allocrec"], Entries(SearchOption.TopDirectoryOnly));
    }

    [Fact]
    public async Task A_pipe_that_gives_nothing_does_not_keep_a_command_from_ending()
    {
        SampleTrace.Analyze(Recording, _directory["data"]);
        string pipe = NamedPipe.Create(_directory["supp"]);
        string[] command = [Programs.AllocReplayCommand, "check", _directory["data"], "--max-peak", "1G", "--suppressions", pipe];
        using Process check = Process.Start(new ProcessStartInfo("env", ["--default-signal=INT", .. command]) { RedirectStandardError = true })!;
        // Opening waits until it is opened to read.
        using FileStream writer = await Task.Run(
            () => new FileStream(pipe, FileMode.Open, FileAccess.Write, FileShare.ReadWrite), TestContext.Current.CancellationToken);

        Signals.Send(check.Id, Signals.Interrupt);

        Assert.Equal("allocreplay: interrupted; nothing unfinished is left\n", await check.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        await check.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(ExitCode.Interrupted, check.ExitCode);
    }

    [Fact]
    public async Task An_interrupted_query_leaves_nothing_of_what_did_not_fit_in_memory()
    {
        SampleTrace.Analyze(Recording, _directory["data"]);
        string temporary = Directory.CreateDirectory(_directory["tmp"]).FullName;
        string[] command = [Programs.AllocReplayCommand, "query", _directory["data"], "SELECT count(*) FROM range(1000000000000)"];
        var start = new ProcessStartInfo("env", ["--default-signal=INT", "TMPDIR=" + temporary, .. command]) { RedirectStandardError = true };
        using Process query = Process.Start(start)!;
        Assert.True(SpinWait.SpinUntil(() => Directory.GetDirectories(temporary, "allocreplay-query-*").Length > 0, TimeSpan.FromMinutes(1)));

        Signals.Send(query.Id, Signals.Interrupt);

        Assert.Equal("allocreplay: interrupted; nothing unfinished is left\n", await query.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        await query.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(ExitCode.Interrupted, query.ExitCode);
        Assert.Empty(Directory.GetDirectories(temporary, "allocreplay-query-*"));
    }

    [Fact]
    public async Task What_is_told_to_ignore_a_hang_up_does_so()
    {
        (Process import, Task<string> said) = StartImport("--ignore-signal=HUP");
        using (import)
        {
            Signals.Send(import.Id, Signals.HangUp);
            await import.StandardInput.WriteLineAsync("1: malloc 0x20 1");
            import.StandardInput.Close();
            await import.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.True(import.ExitCode == ExitCode.Ok, await said);
        }
        Assert.True(File.Exists(_directory["x.alloctrace"]));
    }

    [Theory]
    [InlineData(1, ExitCode.NotPossible)]
    [InlineData(100_000, ExitCode.Ok)] // the control
    public void A_disk_that_is_full_leaves_nothing_and_the_file_is_named_as_it_was_asked_for(int blocks, int code)
    {
        var writer = new RecordingWriter(_directory["large.allocrec"]);
        var random = new Random(1);
        for (int i = 0; i < 50_000; i++)
            writer.Thread(0).Malloc(80L * (i + 1), 0x1000_0000 + 16 * (ulong)i, (ulong)random.NextInt64(1L << 40));
        writer.Thread(0).Flush();
        writer.Save();
        string output = _directory["x.alloctrace"];
        // A limit is what fails for one process alone. The runtime's own memory is a file to it.
        string command = $"exec {Programs.AllocReplayCommand} pack large.allocrec -o x.alloctrace";
        ProgramResult pack = Programs.Run("bash", ["-c", $"trap '' XFSZ; ulimit -f {blocks}; {command}"],
            start =>
            {
                start.WorkingDirectory = _directory.Path;
                start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
            });

        Assert.True(code == pack.ExitCode, pack.Error);
        Assert.Equal(code == ExitCode.Ok, File.Exists(output));
        Assert.Empty(Directory.GetFiles(_directory.Path, ".*"));
        if (code != ExitCode.Ok)
            Assert.EndsWith("allocreplay: x.alloctrace: cannot be written: File too large\n", pack.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("collapsed", 1, ExitCode.NotPossible)]
    [InlineData("speedscope", 1, ExitCode.NotPossible)]
    [InlineData("pprof", 1, ExitCode.NotPossible)]
    [InlineData("heaptrack", 1, ExitCode.NotPossible)]
    [InlineData("heaptrack", 100_000, ExitCode.Ok)] // the control
    public void An_export_to_a_disk_that_is_full_leaves_nothing_either(string format, int blocks, int code)
    {
        var recording = new StackRecording(_directory["stacks.allocrec"]);
        var random = new Random(1);
        for (int i = 1; i <= 2000; i++)
            recording.Malloc(80L * i, 0x1000_0000 + 16 * (ulong)i, (ulong)random.NextInt64(1L << 40), recording.Frame((ulong)random.NextInt64(1L << 40), 0));
        recording.Save();
        string command = $"exec {Programs.AllocReplayCommand} export stacks.allocrec --format {format} -o x.gz";
        ProgramResult export = Programs.Run("bash", ["-c", $"trap '' XFSZ; ulimit -f {blocks}; {command}"],
            start =>
            {
                start.WorkingDirectory = _directory.Path;
                start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
            });

        Assert.True(code == export.ExitCode, export.Error);
        Assert.Equal(code == ExitCode.Ok, File.Exists(_directory["x.gz"]));
        Assert.Empty(Directory.GetFiles(_directory.Path, ".*"));
        if (code != ExitCode.Ok)
            Assert.EndsWith("allocreplay: x.gz: cannot be written: File too large\n", export.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("frob", ExitCode.Usage)]
    [InlineData("info none", ExitCode.BadInput)]
    [InlineData("analyze REC -o data", ExitCode.Ok)]
    [InlineData("pack REC -o x.alloctrace", ExitCode.Ok)]
    [InlineData("import TEXT --from android -o x.alloctrace", ExitCode.Ok)]
    [InlineData("record -o r.alloctrace -- sh -c 'exit 7'", 7)]
    public void Notes_that_nobody_takes_change_nothing(string command, int code)
    {
        string line = $"{Programs.AllocReplayCommand} {string.Join(' ', command.Split(' ').Select(Named))}";
        foreach (string unwritable in new[] { "2>/dev/full", "2>&-", "2> >(exec 0<&-)" })
        {
            ProgramResult result = Programs.Run("bash", ["-c", $"cd {_directory.Path}; rm -rf data x.alloctrace r.alloctrace; {line} {unwritable}"]);
            Assert.True((code, "") == (result.ExitCode, result.Error), $"{unwritable}: {result.ExitCode} {result.Error}");
        }
        if (command.Contains(" -o "))
            Assert.True(Path.Exists(_directory[command.Split(' ')[Array.IndexOf(command.Split(' '), "-o") + 1]]));
    }

    [Theory]
    [InlineData("record -- true", ExitCode.RecordFailed)] // 127 is for a command that is not there
    [InlineData("info x", ExitCode.NotPossible)]
    public void Without_the_runtime_a_command_says_so(string command, int code)
    {
        ProgramResult result = Programs.Run(Programs.AllocReplayCommand, command.Split(' '), start => start.Environment["PATH"] = _directory.Path);

        Assert.Equal((code, "allocreplay: dotnet, the .NET 10 runtime: No such file or directory\n"), (result.ExitCode, result.Error));
    }

    [Fact]
    public void What_is_no_program_is_not_waited_for_and_a_missing_interpreter_is_named()
    {
        NamedPipe.Create(_directory["pipe"]);
        ProgramResult pipe = Programs.AllocReplay("record", "-o", _directory["r"], "--", _directory["pipe"]);
        Assert.Equal((ExitCode.CannotRun, $"allocreplay: {_directory["pipe"]}: not executable\n"), (pipe.ExitCode, pipe.Error));
        File.WriteAllText(_directory["script"], "#!/no/such/interpreter\n");
        File.SetUnixFileMode(_directory["script"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        ProgramResult script = Programs.AllocReplay("record", "-o", _directory["r"], "--", _directory["script"]);
        Assert.Equal(ExitCode.NotFound, script.ExitCode);
        Assert.Contains("its interpreter is missing", script.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_directory["r"]));
    }

    /// <summary>An import that has begun to write, and waits for more.</summary>
    private (Process Import, Task<string> Said) StartImport(string signals)
    {
        var start = new ProcessStartInfo("env", [signals, Programs.AllocReplayCommand, "import", "-", "--from", "android", "-o", _directory["x.alloctrace"]])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
        };
        Process import = Process.Start(start)!;
        Assert.Equal("importing - …", import.StandardError.ReadLine());
        import.StandardInput.WriteLine("1: malloc 0x10 1");
        import.StandardInput.Flush();
        Assert.True(SpinWait.SpinUntil(() => Directory.GetFiles(_directory.Path, ".x.alloctrace*").Length > 0, TimeSpan.FromMinutes(1)));
        return (import, import.StandardError.ReadToEndAsync());
    }

    private string Named(string word) => word
        .Replace("IMAGE", Path.Combine(Recording, RecordingWriter.ImageName), StringComparison.Ordinal)
        .Replace("REC", Recording, StringComparison.Ordinal)
        .Replace("PIPE", _directory["pipe"], StringComparison.Ordinal)
        .Replace("OTHER", _directory["other"], StringComparison.Ordinal)
        .Replace("TEXT", Text, StringComparison.Ordinal);

    private string[] Entries(SearchOption option = SearchOption.AllDirectories) =>
        [.. Directory.GetFileSystemEntries(_directory.Path, "*", option).Select(e => Path.GetRelativePath(_directory.Path, e)).Order(StringComparer.Ordinal)];
}
