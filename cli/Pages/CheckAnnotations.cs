using System.Globalization;
using AllocReplay.Analyzer.Check;
using AllocReplay.Cli.Output;

namespace AllocReplay.Cli.Pages;

/// <summary>
/// Findings as the commands that GitHub Actions reads from the output of a step: it shows them at the line of the source. What is in a command is escaped
/// as GitHub documents it, so that a name makes no command of its own.
/// </summary>
internal static class CheckAnnotations
{
    /// <param name="finding">The finding.</param>
    /// <param name="name">What its process image is called.</param>
    /// <param name="workspace">The directory of the sources on this machine: files below it are named from there. Null for none.</param>
    public static string Of(CheckFinding finding, string name, string? workspace)
    {
        string at = "";
        if (finding.Place is { File.Length: > 0 } place)
        {
            string root = (workspace ?? "").TrimEnd('/') + "/";
            string file = root.Length > 1 && place.File.StartsWith(root, StringComparison.Ordinal) ? place.File[root.Length..] : place.File;
            at = $"file={Property(file)},{(place.Line > 0 ? $"line={place.Line.ToString(CultureInfo.InvariantCulture)}," : "")}";
        }
        return $"::error {at}title={Property($"allocreplay {CheckLine.OptionOf(finding.Condition)}")}::{Data(CheckLine.Of(finding, name))}";
    }

    /// <summary>The message of a command.</summary>
    internal static string Data(string text) => TextLine.Plain(text)
        .Replace("%", "%25", StringComparison.Ordinal).Replace("\r", "%0D", StringComparison.Ordinal).Replace("\n", "%0A", StringComparison.Ordinal);

    /// <summary>The value of a command's property.</summary>
    internal static string Property(string text) => Data(text).Replace(":", "%3A", StringComparison.Ordinal).Replace(",", "%2C", StringComparison.Ordinal);
}
