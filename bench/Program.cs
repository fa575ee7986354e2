using AllocReplay.Bench;
using Spectre.Console;

if (Console.IsOutputRedirected)
    AnsiConsole.Profile.Width = 200; // tables are pasted into results.md: no line may break

// build.sh bench PART
return args switch
{
    ["recorder"] => RecorderBench.Run(),
    ["attach"] => AttachBench.Run(),
    ["stacks"] => StackBench.Run(),
    ["symbols"] => SymbolBench.Run(),
    ["formats"] => FormatsBench.Run(),
    ["sampling"] => SamplingBench.Run(),
    ["keep"] => KeepBench.Run(),
    ["replayer"] => ReplayerBench.Run(),
    ["compare"] => ComparisonBench.Run(),
    ["large"] => LargeBench.Run(),
    ["analyzer"] => AnalyzerBench.Run(),
    ["plans"] => PlanBench.Run(),
    ["fleet"] => FleetBench.Run(),
    [] => List(0),
    _ => List(2),
};

static int List(int exitCode)
{
    Console.Error.WriteLine("""
        usage: ./build.sh bench PART

          recorder   what recording costs a program, beside LTTng-UST's libc wrapper and heaptrack
          attach     what calls cost once a program was attached to, beside the preloaded hook; and detours into an allocator that is linked in
                     (after ./build.sh build)
          stacks     the last part of that alone: what stacks add, by how deep they are and how often they change
          symbols    time and memory to find the functions of a recording of redis, and of a large module (chromium, or $BENCH_MODULE)
          formats    size of traces, and rates of packing and reading, beside LTTng and babeltrace2
          keep       a flight recorder over a thousand million events: disk, memory, and whether all is there (seven minutes; after ./build.sh build)
          sampling   what samples say of programs of which all is known: bias and error, against theory
          replayer   what the replayer costs beside the barest loop in C, and how replays scale with threads and order
          analyzer   a trace to its dataset, beside DuckDB writing the same rows, and beside the readers of heaptrack and LTTng
          compare    how often a comparison claims what is not there, and finds what is planted (an hour and a half; $BENCH_TRACE, else the demo's)
          plans      speed, memory and disk that compiling a long trace takes, and what a hand-over between two threads costs
          fleet      what a thousand process images hold by call site, in DuckDB and ClickHouse, before and after compact (after ./build.sh build)
          large      memory and time that 300 million events take to pack and read (3 GB of disk)
        """);
    return exitCode;
}
