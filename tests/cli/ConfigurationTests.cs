using AllocReplay.Cli.Options;
using AllocReplay.Replayer;
using AllocReplay.Replayer.Run;
using AllocReplay.Tests.Support;
using CsCheck;

namespace AllocReplay.Tests.Cli;

/// <summary>How configurations are written and read. CsCheck prints the seed of a failing property.</summary>
public sealed class ConfigurationTests
{
    private const string Seed = "0N0XIzNsQ0O3";
    private static readonly int Samples = Effort.Of(2000, small: 500);

    private static readonly Gen<string> AnyValue =
        Gen.OneOf(Gen.String[Gen.Char["a,b\" +\\=:1\t$é"], 0, 12], Gen.Const("narenas:1,tcache:false"), Gen.Const("8"));

    private static readonly ConfigurationParser Parser = new(RecorderHooks.Catalog);

    [Fact]
    public void What_is_quoted_is_one_item_again() => AnyValue.Array[1, 5].Sample(values =>
        Assert.Equal(values, ConfigurationText.Split(string.Join(',', values.Select(ConfigurationText.Quote))).Select(i => i.Text)),
        seed: Seed, iter: Samples);

    [Theory]
    [InlineData("a,b", new[] { "a", "b" })]
    [InlineData(" a , b ", new[] { "a", "b" })]
    [InlineData(",,a,", new[] { "a" })]
    [InlineData("X=\"1,2\"", new[] { "X=1,2" })]
    [InlineData("\"X=1,2\",b", new[] { "X=1,2", "b" })]
    [InlineData("\" a \"", new[] { " a " })]
    [InlineData("\"\"", new[] { "" })]
    [InlineData("a\\b", new[] { "a\\b" })]
    [InlineData("\"a\\\"b\\\\\"", new[] { "a\"b\\" })]
    [InlineData("libstdc++.so", new[] { "libstdc++.so" })]
    [InlineData("a + b,c", new[] { "a", "+b", "c" })]
    public void Items_stand_between_commas_that_are_not_quoted(string list, string[] expected) =>
        Assert.Equal(expected, ConfigurationText.Split(list).Select(i => (i.FollowsPlus ? "+" : "") + i.Text));

    [Fact]
    public void A_quote_that_is_not_closed_is_a_usage_error() => AssertUsage(() => ConfigurationText.Split("a,\"b"), "closing quote");

    [Theory]
    [InlineData("none", new[] { "-" })]
    [InlineData("none,count,record", new[] { "-", "count", "record" })]
    [InlineData("record,sample=512,stacks=fp,none,toggle=10ms,stacks=cfi", new[] { "record,sample=512,stacks=fp", "-", "toggle=10ms,stacks=cfi" })]
    [InlineData("/bin/sh,A=1,B=\"x,y\",count", new[] { "/bin/sh,A=1,B=\"x,y\"", "count" })]
    public void Options_belong_to_the_hook_before_them(string list, string[] expected) =>
        Assert.Equal(expected, Parser.ParseHooks(list).Select(h => h?.Name ?? "-"));

    [Theory]
    [InlineData("", "no hook named; known: none, count, record")]
    [InlineData("perf", "no hook is called perf; known: none, count, record, mallochook, toggle=10ms, /path/library.so")]
    [InlineData("record,sample=0", "record,sample=0: expected sample=N")]
    [InlineData("record,sample=1,sample=2", "sample stands twice")]
    [InlineData("record,stack-depth=9", "add stacks=auto")]
    [InlineData("toggle", "toggle: expected toggle=10ms")]
    [InlineData("count=3", "count=3: expected count")]
    [InlineData("count,stacks=fp", "no hook is called stacks=fp")]
    public void A_hook_that_makes_no_sense_is_a_usage_error(string list, string expected) => AssertUsage(() => Parser.ParseHooks(list), expected);

    [Fact]
    public void A_hook_library_that_is_not_there_is_not_possible()
    {
        var e = Assert.Throws<ReplayException>(() => Parser.ParseHooks("/nowhere/libhook.so"));
        Assert.Equal(ReplayFailure.NotPossible, e.Failure);
        Assert.Contains("no such library", e.Message);
    }

    [Fact]
    public void A_library_that_the_linker_cannot_be_told_of_is_refused()
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory["lib hook.so"], "");
        var e = Assert.Throws<ReplayException>(() => Parser.ParseHooks($"\"{directory["lib hook.so"]}\""));
        Assert.Equal(FailureKind.CannotPreload, e.Run?.Kind);
    }

    [Theory]
    [InlineData("X=1,2,8", "X", new[] { "1", "2", "8" })]
    [InlineData("X=\"a,b\",c", "X", new[] { "a,b", "c" })]
    [InlineData("X_2=a=b", "X_2", new[] { "a=b" })]
    public void A_variable_takes_values_in_turn(string text, string name, string[] values)
    {
        VariableAxis axis = ConfigurationParser.ParseAxis(text);
        Assert.Equal(name, axis.Name);
        Assert.Equal(values, axis.Values);
    }

    [Fact]
    public void A_variable_may_be_left_alone_first_of_all()
    {
        Assert.Equal<string?>([null, "1", "2"], ConfigurationParser.ParseAxis("X=,1,2").Values);
        Assert.Equal([""], ConfigurationParser.ParseAxis("X=\"\"").Values); // set, and empty
        var grid = new ConfigurationGrid(Parser.Parse("glibc"), [ConfigurationParser.ParseAxis("MALLOC_ARENA_MAX=,1")], [], IsMatrix: false);
        Assert.Equal(["glibc", "glibc,MALLOC_ARENA_MAX=1"], grid.Expand().Select(c => c.Label));
    }

    [Theory]
    [InlineData("X")]
    [InlineData("X=")]
    [InlineData("X=,")]
    [InlineData("x=1")]
    [InlineData("=1")]
    [InlineData("X=1,1")]
    public void A_variable_without_values_is_a_usage_error(string text) => AssertUsage(() => ConfigurationParser.ParseAxis(text), text);

    [StartsProcesses]
    [Fact]
    public void A_configuration_is_read_as_it_is_printed() =>
        Gen.Select(
            Gen.Select(OneOf("MALLOC_ARENA_MAX", "MALLOC_TOP_PAD_", "OTHER", "X_1"), AnyValue, (n, v) => $"{n}={v}").Array[0, 3],
            OneOf("", "count", "record", "record,sample=7,stacks=auto,stack-depth=3", "mallochook,latency", "toggle=1.5s", "/bin/sh", "/bin/sh,B=\"1,2\""))
        .Sample((variables, hook) =>
        {
            string[] distinct = [.. variables.DistinctBy(v => v.Split('=')[0])];
            string text = string.Join(',', ["glibc", .. distinct.Select(ConfigurationText.Quote)]) + (hook.Length > 0 ? $" + {hook}" : "");
            Configuration one = Assert.Single(Parser.Parse(text));
            Configuration again = Assert.Single(Parser.Parse(one.Name));
            Assert.Equal(one.Name, again.Name);
            Assert.Equal(distinct, again.Environment);
            Assert.Equal(hook, again.Hook?.Name ?? "");
            // Also as one of a list, whatever follows.
            Assert.Equal([one.Name, "noop"], Parser.Parse($"{one.Name},noop").Select(c => c.Name));
        }, seed: Seed, iter: Samples / 4);

    [StartsProcesses]
    [Fact]
    public void A_library_is_printed_with_its_path_and_shown_without()
    {
        Configuration mine = Parser.Parse("mine=/bin/sh,X=1 + /bin/sh,Y=2")[0];
        Assert.Equal("mine=/bin/sh,X=1 + /bin/sh,Y=2", mine.Name);
        Assert.Equal("mine,X=1 + sh,Y=2", mine.Label);
        Assert.Equal("mine,X=1", mine.AllocatorName);
    }

    [StartsProcesses]
    [Fact]
    public void A_library_that_is_there_is_an_allocator_however_loud_its_name()
    {
        string library = Targets.Build("failing_allocator.c", "-shared", "-fPIC");
        using var directory = new TemporaryDirectory();
        File.Copy(library, directory["libloud.so"]);
        Assert.Equal(["glibc", "LOUD"], Parser.Parse($"glibc,LOUD={directory["libloud.so"]}").Select(c => c.Label));
        Assert.Equal(["glibc,LOUD=/nowhere/libloud.so"], Parser.Parse("glibc,LOUD=/nowhere/libloud.so").Select(c => c.Label)); // a variable as any other
    }

    [StartsProcesses]
    [Theory]
    [InlineData("glibc,MALLOC_ARENA_MAXX=1", "this glibc has no such variable; it has MALLOC_ARENA_MAX")]
    [InlineData("glibc,MALLOC_CONF=narenas:1", "glibc does not read MALLOC_CONF, which is jemalloc's")]
    [InlineData("glibc,X=1,X=2", "X is set twice")]
    [InlineData("glibc + count + record", "one hook stands before an allocator")]
    [InlineData("noop + count", "under noop there are no calls for a hook to see")]
    [InlineData("+ count", "name an allocator first")]
    [InlineData("mine=", "expected name=path.so")]
    public void A_configuration_that_makes_no_sense_is_a_usage_error(string list, string expected) => AssertUsage(() => Parser.Parse(list), expected);

    [StartsProcesses]
    [Fact]
    public void Variables_make_a_grid_over_the_allocators_that_read_them()
    {
        var grid = new ConfigurationGrid(
            Parser.Parse("glibc,noop"),
            [ConfigurationParser.ParseAxis("MALLOC_ARENA_MAX=1,2"), ConfigurationParser.ParseAxis("OTHER=x,\"y,z\"")], [], IsMatrix: false);
        Assert.Equal(
            [
                "glibc,MALLOC_ARENA_MAX=1,OTHER=x", "glibc,MALLOC_ARENA_MAX=1,OTHER=\"y,z\"", "glibc,MALLOC_ARENA_MAX=2,OTHER=x",
                "glibc,MALLOC_ARENA_MAX=2,OTHER=\"y,z\"", "noop",
            ],
            grid.Expand().Select(c => c.Label));
    }

    [StartsProcesses]
    [Theory]
    [InlineData("glibc", "MIMALLOC_X=1", "MIMALLOC_X: glibc does not read it")]
    [InlineData("glibc,OTHER=1", "OTHER=1,2", "OTHER is set twice")]
    public void A_grid_that_makes_no_sense_is_a_usage_error(string allocators, string axis, string expected) =>
        AssertUsage(() => new ConfigurationGrid(Parser.Parse(allocators), [ConfigurationParser.ParseAxis(axis)], [], false).Expand(), expected);

    [StartsProcesses]
    [Fact]
    public void Hooks_are_tried_with_the_first_allocator_and_in_a_matrix_with_all()
    {
        IReadOnlyList<Configuration> allocators = Parser.Parse("glibc,copy=/bin/sh,noop");
        IReadOnlyList<IHook?> hooks = Parser.ParseHooks("none,count");
        Assert.Equal(["glibc", "copy", "noop", "glibc + count"], new ConfigurationGrid(allocators, [], hooks, false).Expand().Select(c => c.Label));
        Assert.Equal(
            ["glibc", "glibc + count", "copy", "copy + count", "noop"], new ConfigurationGrid(allocators, [], hooks, true).Expand().Select(c => c.Label));
    }

    [StartsProcesses]
    [Fact]
    public void A_file_has_sets_by_name_and_its_paths_begin_where_it_lies()
    {
        using var directory = new TemporaryDirectory();
        File.Copy("/bin/sh", directory["lib.so"]);
        File.WriteAllText(directory["sets.json"], """
            {
              // settings
              "arenas": { "allocators": ["glibc"], "environment": { "MALLOC_ARENA_MAX": ["1", "2"] } },
              "tools": { "allocators": ["glibc", "mine=lib.so"], "hooks": ["none", "record,sample=8"], "matrix": true },
            }
            """);
        Assert.Equal(
            [
                "glibc,MALLOC_ARENA_MAX=1", "glibc,MALLOC_ARENA_MAX=2", "glibc", "glibc + record,sample=8", $"mine={directory["lib.so"]}",
                $"mine={directory["lib.so"]} + record,sample=8",
            ],
            ConfigurationFile.Read(directory["sets.json"], Parser).Select(c => c.Name));
        Assert.Equal(2, ConfigurationFile.Read($"{directory["sets.json"]}:arenas", Parser).Count);
        AssertUsage(() => ConfigurationFile.Read($"{directory["sets.json"]}:other", Parser), "has no set other; it has arenas, tools");
    }

    [Theory]
    [InlineData("{\n \"a\": {\n  \"alocators\": []\n }\n}", "line 3: a.alocators is no member of a set; known: allocators, hooks, environment, matrix")]
    [InlineData("{\n \"a\": {\n  \"allocators\": \"glibc\"\n }\n}", "line 3: a.allocators is not as expected: allocators and hooks are lists of texts")]
    [InlineData("{\n \"a\": {\n  \"hooks\": [],\n  \"hooks\": []\n }\n}", "stands twice")]
    [InlineData("{", "line 1")]
    [InlineData("[]", "line 1")]
    [InlineData("{}", "expected one set of configurations or more")]
    [InlineData("""{"a":null}""", "set a: null is no configuration")]
    [InlineData("""{"a":{"hooks":[null]}}""", "set a: null is no configuration")]
    [InlineData("""{"a":{"environment":{"X":null}}}""", "set a: null is no configuration")]
    public void A_file_that_makes_no_sense_says_where(string json, string expected)
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory["sets.json"], json);
        AssertUsage(() => ConfigurationFile.Read(directory["sets.json"], Parser), expected);
    }

    [Fact]
    public void A_file_that_is_not_there_is_a_usage_error() => AssertUsage(() => ConfigurationFile.Read("/nowhere/sets.json", Parser), "no such file");

    private static Gen<string> OneOf(params string[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static void AssertUsage(Func<object> parse, string expected)
    {
        var e = Assert.Throws<ReplayException>(parse);
        Assert.Equal(ReplayFailure.Usage, e.Failure);
        Assert.Contains(expected, e.Message);
        Assert.DoesNotContain('\n', e.Message);
    }
}
