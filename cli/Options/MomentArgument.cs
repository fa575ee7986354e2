using System.Globalization;
using AllocReplay.Analyzer.Query;
using AllocReplay.Cli.Output;

namespace AllocReplay.Cli.Options;

/// <summary>
/// A moment as a user names it: a time since the start, or a mark of the recording. Marks of one name are told apart by a number before the name, for behind
/// it it could be a part of it.
/// </summary>
internal static class MomentArgument
{
    /// <summary>How a mark is written, for help.</summary>
    public const string MarkForm = "mark:NAME";

    private const string Mark = "mark", Ordinal = "mark#";

    /// <summary>Names that an error lists at the most.</summary>
    private const int Listed = 10;

    /// <summary>Looks whether it is one, before anything is read.</summary>
    /// <param name="option">The option's name, for errors.</param>
    /// <param name="text">The moment.</param>
    /// <exception cref="UsageException">It is none.</exception>
    public static void Check(string option, string text)
    {
        if (MarkOf(option, text) is null)
            Quantity.ParseMoment(option, text);
    }

    /// <summary>The time of a moment, ns since the start.</summary>
    /// <param name="option">The option's name, for errors.</param>
    /// <param name="text">The moment.</param>
    /// <param name="operand">The dataset that has the marks.</param>
    /// <param name="image">The process image whose they are.</param>
    /// <exception cref="UsageException">It is none, or there is no such mark.</exception>
    public static long NsOf(string option, string text, DatasetOperand operand, DatasetProcess image)
    {
        if (MarkOf(option, text) is not var (name, number))
            return Quantity.ParseMoment(option, text);
        IReadOnlyList<DatasetMark> all = DatasetMark.AllOf(operand.Query, image.Host, image.Process);
        DatasetMark[] named = [.. all.Where(m => m.Name == name)];
        if (number <= named.Length)
            return named[number - 1].Ns;
        string[] names = [.. all.Select(m => m.Name).Distinct()];
        string there = named.Length > 0 ? $"{Quantity.Count(named.Length, "mark")} of this name"
            : names.Length == 0 ? "no marks"
            : $"the marks {string.Join(", ", names.Take(Listed).Select(TextLine.Quote))}"
                + (names.Length > Listed ? $" and {Quantity.Count(names.Length - Listed)} more" : "");
        throw new UsageException($"{option} {TextLine.Quote(text)}: {operand.Path} has no such mark in {image.Process}; there {Is(named, names)} {there}");
    }

    private static string Is(DatasetMark[] named, string[] names) => named.Length == 1 || (named.Length == 0 && names.Length == 1) ? "is" : "are";

    /// <summary>The name and the number, from 1, of a mark; null where a text does not name one.</summary>
    private static (string Name, int Number)? MarkOf(string option, string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string before = colon < 0 ? "" : text[..colon];
        int number = before == Mark ? 1 : 0;
        if (number == 0 && !before.StartsWith(Ordinal, StringComparison.Ordinal))
            return null;
        if (number == 0 && (!int.TryParse(before[Ordinal.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out number) || number == 0)
            || colon + 1 == text.Length)
            throw new UsageException($"{option} {TextLine.Quote(text)}: expected a mark such as {MarkForm}, or mark#2:NAME for the second of that name");
        return (text[(colon + 1)..], number);
    }
}
