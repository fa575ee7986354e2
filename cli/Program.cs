using AllocReplay.Cli;
using AllocReplay.Cli.Output;

// So that it is this writer that others know as standard error.
Console.SetError(StandardStream.OpenError());
return CommandLine.Run(args, new Terminal(StandardStream.OpenOutput(), Console.Error));
