namespace AllocReplay.Cli.Prompt;

/// <summary>Input from a terminal that cannot be painted: the kernel echoes and edits its lines, one at a time.</summary>
/// <param name="terminal">Where: its keys come by lines.</param>
/// <param name="prompt">Before the first line.</param>
/// <param name="continuation">Before those that go on.</param>
internal sealed class PlainReader(ILineTerminal terminal, string prompt, string continuation) : IInputReader
{
    public string? Read()
    {
        var buffer = new LineBuffer();
        terminal.Write(prompt);
        while (true)
        {
            Key key = terminal.ReadKey();
            switch (key.Kind)
            {
                case KeyKind.Enter when InputSplitter.Split(buffer.Text).Rest.Length == 0:
                    return buffer.Text;
                case KeyKind.Enter:
                    buffer.Insert("\n");
                    terminal.Write(continuation);
                    break;
                case KeyKind.Cancel:
                    terminal.Write("\n");
                    return "";
                case KeyKind.Closed:
                    terminal.Write("\n");
                    return null;
                case KeyKind.Tab:
                    buffer.Insert("\t");
                    break;
                case KeyKind.Resumed:
                    terminal.Write(prompt + buffer.Text);
                    break;
                default:
                    buffer.Insert(key.Text);
                    break;
            }
        }
    }
}
