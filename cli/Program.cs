using AllocReplay.Cli;
using AllocReplay.Cli.Output;

return CommandLine.Run(args, new Terminal(StandardOutput.Open(), Console.Error));
