using AllocReplay.Cli;
using AllocReplay.Cli.Output;

// So that it is this writer that others know as standard error.
Console.SetError(StandardOutput.OpenForNotes());
return CommandLine.Run(args, new Terminal(StandardOutput.Open(), Console.Error));
