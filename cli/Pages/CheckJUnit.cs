using System.Globalization;
using System.Text;
using System.Xml;
using AllocReplay.Analyzer.Check;
using AllocReplay.Cli.Output;

namespace AllocReplay.Cli.Pages;

/// <summary>
/// A check as JUnit's XML, which CI systems show: a suite for each process image, a case for each condition. They are named after the program, not the
/// process id, so that a case is the same in each build.
/// </summary>
internal static class CheckJUnit
{
    /// <param name="report">What was found.</param>
    /// <param name="conditions">What was asked for.</param>
    /// <param name="dataset">The dataset's name.</param>
    /// <param name="output">Written to, not closed.</param>
    public static void Write(CheckReport report, IReadOnlyList<CheckCondition> conditions, string dataset, Stream output)
    {
        using var xml = XmlWriter.Create(output, new XmlWriterSettings { Indent = true, NewLineChars = "\n", Encoding = new UTF8Encoding(false) });
        xml.WriteStartElement("testsuites");
        Attribute("name", $"allocreplay check {dataset}");
        Count("tests", conditions.Count * report.Processes.Count);
        Count("failures", report.Findings.Select(f => (f.Host, f.Process, f.Condition)).Distinct().Count());
        var times = new Dictionary<string, int>(); // that a program was run so far
        foreach (CheckedProcess process in report.Processes)
        {
            CheckFinding[] findings = [.. report.Findings.Where(f => f.Host == process.Host && f.Process == process.Process)];
            string image = CheckLine.NameOf(report, process.Host, process.Process);
            xml.WriteStartElement("testsuite");
            string program = process.Program.Length > 0 ? process.Program : image;
            int time = times[program] = times.GetValueOrDefault(program) + 1;
            string suite = time == 1 ? program : string.Create(CultureInfo.InvariantCulture, $"{program} {time}");
            Attribute("name", suite);
            Count("tests", conditions.Count);
            Count("failures", findings.Select(f => f.Condition).Distinct().Count());
            xml.WriteStartElement("properties");
            xml.WriteStartElement("property");
            Attribute("name", "process");
            Attribute("value", image);
            xml.WriteEndElement();
            xml.WriteEndElement();
            foreach (CheckCondition condition in conditions)
            {
                xml.WriteStartElement("testcase");
                Attribute("classname", $"allocreplay.{suite}");
                Attribute("name", CheckLine.OptionOf(condition));
                string[] lines = [.. findings.Where(f => f.Condition == condition).Select(f => CheckLine.Of(f, image))];
                if (lines.Length > 0)
                {
                    xml.WriteStartElement("failure");
                    Attribute("type", CheckLine.OptionOf(condition));
                    Attribute("message", lines.Length == 1 ? lines[0] : $"{lines[0]}; {Quantity.Count(lines.Length - 1, "finding")} more");
                    xml.WriteString(string.Join('\n', lines.Select(Text)));
                    xml.WriteEndElement();
                }
                xml.WriteEndElement();
            }
            xml.WriteEndElement();
        }
        xml.WriteEndElement();

        void Attribute(string name, string value) => xml.WriteAttributeString(name, Text(value));
        void Count(string name, int value) => xml.WriteAttributeString(name, value.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>One line without the characters that XML cannot hold, halves of pairs among them.</summary>
    internal static string Text(string text)
    {
        var valid = new StringBuilder();
        foreach (Rune rune in TextLine.Plain(text).EnumerateRunes()) // a half reads U+FFFD
            valid.Append(rune.IsBmp && !XmlConvert.IsXmlChar((char)rune.Value) ? "\uFFFD" : rune.ToString());
        return valid.ToString();
    }
}
