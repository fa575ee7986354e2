using AllocReplay.Bench;

// build.sh bench PART
return args switch
{
    ["recorder"] => RecorderBench.Run(),
    [] => List(0),
    _ => List(2),
};

static int List(int exitCode)
{
    Console.Error.WriteLine("usage: ./build.sh bench PART\n\n  recorder   what recording costs a program, beside LTTng-UST's libc wrapper and heaptrack");
    return exitCode;
}
