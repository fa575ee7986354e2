using AllocReplay.Cli.Output;
using AllocReplay.Recorder.Doctor;
using Spectre.Console;

namespace AllocReplay.Cli.Pages;

/// <summary>What <c>doctor</c> prints: a line for each check, and below those that are not fine what they mean.</summary>
internal static class DoctorPage
{
    public static void Print(int? pid, IReadOnlyList<Finding> machine, IReadOnlyList<Finding> process, Terminal terminal)
    {
        terminal.Line("this machine");
        Print(machine, terminal);
        if (pid is not null)
        {
            terminal.Line("");
            terminal.Line($"process {pid}");
            Print(process, terminal);
        }
        terminal.Line("");
        Finding[] all = [.. machine, .. process];
        int stops = all.Count(f => f.Verdict == Verdict.Stops), limited = all.Count(f => f.Verdict == Verdict.Limited);
        bool isRecorded = process.Any(f => f.Obstacle == Obstacle.RecordedAlready);
        string told = limited == 0 ? "." : $"; {Quantity.Count(limited, "line")} above {(limited == 1 ? "is" : "are")} to know of.";
        terminal.Line(stops > 0 ? $"{Quantity.Count(stops, "line")} above {(stops == 1 ? "stops" : "stop")} a recording."
            : pid is null ? $"Nothing here stops a recording{told}"
            : isRecorded ? $"This program is recorded already{told}" : $"Nothing stops a recording of this program{told}");
        if (stops == 0)
            terminal.Next(isRecorded ? TextLine.Command("control", $"{pid}", "status")
                : pid is { } running && !process.Any(RefusesAttach) ? TextLine.Command("attach", $"{running}")
                : TextLine.Command("record", "--", "COMMAND"));
    }

    /// <summary>What a program is recorded in spite of, if it is started under the recorder.</summary>
    private static bool RefusesAttach(Finding f) => f.Obstacle is Obstacle.NotAttached or Obstacle.Filtered or Obstacle.Traced;

    private static void Print(IReadOnlyList<Finding> findings, Terminal terminal)
    {
        Grid grid = new Grid().AddColumn(new GridColumn { NoWrap = true, Padding = new Padding(0, 0, 2, 0) })
            .AddColumn(new GridColumn { NoWrap = true, Padding = new Padding(0, 0, 2, 0) })
            .AddColumn(new GridColumn { Padding = new Padding(0) });
        foreach (Finding f in findings)
        {
            string mark = f.Verdict switch { Verdict.Fine => "ok", Verdict.Limited => "note", _ => "stop" };
            Row(mark, ObstacleText.NameOf(f.Kind), f.Found);
            if (f.Obstacle is { } obstacle)
                Row("", "", ObstacleText.Of(obstacle));
        }
        terminal.Write(grid, terminal.Width);

        void Row(params string[] cells) => grid.AddRow([.. cells.Select(c => new Text(TextLine.Plain(c)))]);
    }
}
