using System.Diagnostics;
using System.Text;

namespace AllocReplay.Symbols.Engines;

/// <summary>A program that answers lines by lines. It is asked many things at once: what it is told and what it says are not in step.</summary>
internal sealed class HelperProcess : IDisposable
{
    /// <summary>The first answer about a large object file comes when that is read.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Process _process;
    private readonly StreamReader _answers;
    private readonly StreamWriter _questions;
    private Task _asking = Task.CompletedTask;

    private HelperProcess(Process process)
    {
        _process = process;
        // Names may be of any bytes: what is no text must not end the conversation.
        var encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: false);
        _answers = new StreamReader(process.StandardOutput.BaseStream, encoding, false, 1 << 16);
        _questions = new StreamWriter(process.StandardInput.BaseStream, encoding, 1 << 16);
    }

    /// <summary>Path of a program that is installed; null when it is not.</summary>
    public static string? Find(string program) => Path.IsPathRooted(program) ? IsProgram(program) ? program : null
        : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(d => Path.Combine(d, program)).FirstOrDefault(IsProgram);

    private static bool IsProgram(string path) => File.Exists(path)
        && (File.GetUnixFileMode(path) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != 0;

    /// <summary>Whether it has been silent for longer than one waits.</summary>
    public bool IsSilent { get; private set; }

    /// <summary>Which program it is, by its file: no start is needed to know it.</summary>
    public static string IdentityOf(string path)
    {
        FileSystemInfo file = new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true) ?? new FileInfo(path);
        return FormattableString.Invariant($"{file.FullName} {((FileInfo)file).Length} {file.LastWriteTimeUtc.Ticks}");
    }

    /// <exception cref="System.ComponentModel.Win32Exception">It cannot be started.</exception>
    public static HelperProcess Start(string path, params string[] arguments)
    {
        var start = new ProcessStartInfo(path, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.Environment.Remove("DEBUGINFOD_URLS"); // whom to ask is ours to decide
        start.Environment.Remove("LD_PRELOAD");
        start.Environment["LC_ALL"] = "C.UTF-8";
        Process process = Process.Start(start)!;
        _ = process.StandardError.BaseStream.CopyToAsync(Stream.Null); // however much it is
        return new HelperProcess(process);
    }

    /// <summary>Asks; answers are read meanwhile.</summary>
    /// <param name="questions">Lines.</param>
    /// <param name="isLast">Nothing else will be asked.</param>
    public void Ask(IEnumerable<string> questions, bool isLast)
    {
        Task before = _asking;
        _asking = Task.Run(async () =>
        {
            await before.ConfigureAwait(false);
            try
            {
                foreach (string question in questions)
                {
                    await _questions.WriteAsync(question).ConfigureAwait(false);
                    await _questions.WriteAsync('\n').ConfigureAwait(false);
                }
                await _questions.FlushAsync().ConfigureAwait(false);
                if (isLast)
                    _questions.Close();
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                // It has ended: who reads its answers sees that.
            }
        });
    }

    /// <summary>Reads a line of an answer; null when it has ended, or does not answer.</summary>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public string? Read(CancellationToken token)
    {
        try
        {
            ValueTask<string?> line = _answers.ReadLineAsync(token);
            return line.IsCompletedSuccessfully ? line.Result : line.AsTask().WaitAsync(Patience, token).GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is TimeoutException or IOException)
        {
            IsSilent = e is TimeoutException;
            return null;
        }
    }

    /// <summary>Ends it.</summary>
    public void Dispose()
    {
        try
        {
            if (!_process.HasExited)
                _process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
        }
        _asking.ContinueWith(_ => { }, TaskScheduler.Default).Wait();
        _process.Dispose();
    }
}
