using AllocReplay.Cli.Output;
using AllocReplay.Recorder.Doctor;
using Spectre.Console;

namespace AllocReplay.Cli.Pages;

/// <summary>What <c>doctor</c> prints: a line for each check, and below those that are not fine what they mean.</summary>
internal static class DoctorPage
{
    public static void Print(DoctorReport report, Terminal terminal)
    {
        terminal.Line("this machine");
        Print(report.Machine, terminal);
        if (report.Pid is { } pid)
        {
            terminal.Line("");
            terminal.Line($"process {pid}");
            Print(report.Process, terminal);
        }
        terminal.Line("");
        DoctorCheck[] all = [.. report.Machine, .. report.Process];
        int stops = all.Count(f => f.Verdict == Verdict.Stops), limited = all.Count(f => f.Verdict == Verdict.Limited);
        string told = limited == 0 ? "." : $"; {Quantity.Count(limited, "line")} above {(limited == 1 ? "is" : "are")} to know of.";
        terminal.Line(stops > 0 ? $"{Quantity.Count(stops, "line")} above {(stops == 1 ? "stops" : "stop")} a recording."
            : report.IsRecorded == true ? $"This program is recorded already{told}"
            : report.IsOutOfReach() ? $"It cannot be recorded from now on, as it runs. Nothing stops a recording from its start{told}"
            : $"Nothing {(report.Pid is null ? "here stops a recording" : "stops a recording of this program")}{told}");
        if (stops == 0)
            terminal.Next(report.IsRecorded == true ? TextLine.Command("control", $"{report.Pid}", "status")
                : report.CanAttach == true ? TextLine.Command("attach", $"{report.Pid}")
                : TextLine.Command("record", "--", "COMMAND"));
    }

    private static void Print(IReadOnlyList<DoctorCheck> checks, Terminal terminal)
    {
        Grid grid = new Grid().AddColumn(new GridColumn { NoWrap = true, Padding = new Padding(0, 0, 2, 0) })
            .AddColumn(new GridColumn { NoWrap = true, Padding = new Padding(0, 0, 2, 0) })
            .AddColumn(new GridColumn { Padding = new Padding(0) });
        foreach (DoctorCheck c in checks)
        {
            string mark = c.Verdict switch { Verdict.Fine => "ok", Verdict.Limited => "note", _ => "stop" };
            Row(mark, ObstacleText.NameOf(c.Check), c.Found);
            if (c.Meaning.Length > 0)
                Row("", "", c.Meaning);
        }
        terminal.Write(grid, terminal.Width);

        void Row(params string[] cells) => grid.AddRow([.. cells.Select(t => new Text(TextLine.Plain(t)))]);
    }
}
