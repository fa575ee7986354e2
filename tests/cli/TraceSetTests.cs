using System.CommandLine;
using AllocReplay.Cli.Options;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Tests.Support;

namespace AllocReplay.Tests.Cli;

/// <summary>Which traces several paths stand for, and what they are called.</summary>
public sealed class TraceSetTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_directory_stands_for_the_traces_in_it_by_name_and_all_else_is_named()
    {
        Recording("corpus/b.allocrec");
        Recording("corpus/a recording of another name");
        Recording("corpus/sub/deeper.allocrec");
        File.WriteAllText(_directory["corpus/README.md"], "mine");
        File.WriteAllText(_directory["corpus/damaged.alloctrace"], "not one"); // it is called one, so it is told why it is not
        TraceSet set = Of(0, _directory["corpus"]);
        Assert.Equal(["a recording of another name", "b.allocrec", "damaged.alloctrace"], set.Traces.Select(t => Path.GetFileName(t.Path)));
        Assert.Equal(("README.md, sub", "no traces"), set.LeftOut.Select(l => (l.What, l.Reason)).Single());
        Assert.False(set.IsOne);
    }

    [Fact]
    public void A_directory_with_one_trace_is_several_and_a_recording_is_one()
    {
        Recording("corpus/b.allocrec");
        Assert.False(Of(0, _directory["corpus"]).IsOne);
        Assert.True(Of(0, _directory["corpus/b.allocrec"]).IsOne);
        Assert.True(Of(0, _directory["corpus/b.allocrec/p1.0"]).IsOne);
        Assert.True(Of(0, _directory["corpus/none.alloctrace"]).IsOne); // whoever opens it is told that it is not there
        Assert.False(Of(0, _directory["corpus/b.allocrec"], _directory["corpus"]).IsOne);
        Assert.Contains("no such trace", Assert.Throws<TraceFormatException>(
            () => Of(0, _directory["corpus/b.allocrec"], _directory["corpus/none.alloctrace"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_there_is_no_trace_that_is_an_error()
    {
        Directory.CreateDirectory(_directory["empty"]);
        Assert.Contains("expected recordings or packed traces in it, found none", Assert.Throws<TraceFormatException>(
            () => Of(0, _directory["empty"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_trace_that_is_named_twice_is_read_once()
    {
        Recording("corpus/b.allocrec");
        Assert.Single(Of(0, _directory["corpus"], _directory["corpus/b.allocrec/"], _directory["corpus/../corpus"]).Traces);
    }

    [Fact]
    public void Names_are_files_with_as_many_directories_as_tell_them_apart()
    {
        string[] Names(params string[] paths) => [.. TraceNames.Of([.. paths.Select(p => new TraceChoice(p))])];
        Assert.Equal(["a.alloctrace", "b.allocrec"], Names("/x/a.alloctrace", "/x/b.allocrec/"));
        Assert.Equal(["x/a", "y/a", "b"], Names("/x/a", "/y/a", "/y/b"));
        Assert.Equal(["p/x/a", "q/x/a"], Names("/p/x/a", "/q/x/a"));
        Assert.Equal(["a p1.0 (sh)", "a p2.0"],
            TraceNames.Of([new TraceChoice("a", "p1.0") { Program = "sh" }, new TraceChoice("a", "p2.0")]));
    }

    [Fact]
    public void Of_all_process_images_the_busy_ones_are_taken_and_the_others_counted()
    {
        Recording("s.allocrec", 40_000, 30_000, 20_000, 9999, 3);
        TraceSet set = Of(16, _directory["s.allocrec"], "--process", "all");
        Assert.Equal(["p1.0", "p2.0", "p3.0"], set.Traces.Select(t => t.Process));
        Assert.False(set.IsOne);
        Assert.Equal("2 of 5 process images", set.LeftOut.Single().What);
        Assert.Matches(@"^[0-9.]+ % of its events; 2 with less than 1 % of the busiest one's or 10,000 calls$", set.LeftOut.Single().Reason);

        TraceSet hurried = Of(2, _directory["s.allocrec"], "--process", "all");
        Assert.Equal(["p1.0", "p2.0"], hurried.Traces.Select(t => t.Process));
        Assert.Contains("1 that there is no time for", hurried.LeftOut.Single().Reason, StringComparison.Ordinal);
        Assert.Single(Of(0, _directory["s.allocrec"], "--process", "all").Traces); // one at the least
    }

    [Fact]
    public void Many_alike_process_images_are_not_all_taken()
    {
        Recording("many.allocrec", [.. Enumerable.Repeat(10_000, 40)]);
        TraceSet set = Of(int.MaxValue, _directory["many.allocrec"], "--process", "all");
        Assert.Equal(16, set.Traces.Count);
        Assert.Equal("24 of 40 process images", set.LeftOut.Single().What);
    }

    private static TraceSet Of(int imagesMax, params string[] arguments)
    {
        var options = new TraceSetOptions();
        var command = new Command("x");
        options.AddTo(command);
        return options.Of(command.Parse(arguments), imagesMax);
    }

    /// <summary>A recording with a process image of so many calls each.</summary>
    private void Recording(string name, params int[] calls)
    {
        int[] all = calls.Length == 0 ? [2] : calls;
        for (int image = 0; image < all.Length; image++)
        {
            var writer = new RecordingWriter(_directory[name], $"p{image + 1}.0");
            RecordingWriter.ThreadWriter thread = writer.Thread(0).Event(0, CallKind.ThreadStart);
            for (int i = 0; i < all[image]; i++)
                thread.Malloc(8 * (i + 1), 0x1000UL + 64UL * (ulong)i, 8);
            writer.Save();
        }
    }
}
