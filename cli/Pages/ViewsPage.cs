using AllocReplay.Analyzer.Query;
using AllocReplay.Cli.Output;
using Spectre.Console;

namespace AllocReplay.Cli.Pages;

/// <summary>The named views with their parameters, for people.</summary>
internal static class ViewsPage
{
    public static void Print(Terminal terminal)
    {
        Table table = Terminal.NewTable(("view", Justify.Left), ("what it answers; what --set sets, and its default", Justify.Left));
        foreach (NamedView view in NamedView.All)
        {
            table.Add(view.Name, view.Description);
            foreach (ViewParameter parameter in view.Parameters)
                table.Add("", $"  {parameter.Name}={parameter.Default}  {parameter.Type.ToString().ToLowerInvariant()}. {parameter.Meaning}");
        }
        terminal.WriteWide(table);
    }
}
