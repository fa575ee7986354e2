namespace AllocReplay.Cli.Prompt;

/// <summary>A part of what was typed.</summary>
/// <param name="Text">A statement with what stands before it, without its semicolon; or a command of the prompt's, trimmed.</param>
/// <param name="IsCommand">Whether it is a command of the prompt's.</param>
internal readonly record struct InputPart(string Text, bool IsCommand);

/// <summary>What was typed, taken apart.</summary>
/// <param name="Parts">What is complete, in its order; a statement that is nothing but blanks and comments is left out.</param>
/// <param name="Rest">What is not complete; empty where nothing is missing.</param>
internal readonly record struct SplitInput(IReadOnlyList<InputPart> Parts, string Rest);

/// <summary>
/// Takes apart what is typed at a prompt: statements end with a semicolon, though not with one in quotes or comments; a line that begins with a dot is a
/// command, and so is one of the words that lead out or to help. Quotes and comments are DuckDB's, which are PostgreSQL's.
/// </summary>
internal static class InputSplitter
{
    private static readonly string[] CommandWords = ["help", "exit", "quit"];

    public static SplitInput Split(string text)
    {
        var parts = new List<InputPart>();
        int start = 0;
        while (CommandEnd(text, start) is { } line || StatementEnd(text, start) is (_, _, true))
        {
            if (CommandEnd(text, start) is { } end)
            {
                parts.Add(new InputPart(text[start..end].Trim().TrimEnd(';').TrimEnd(), IsCommand: true));
                start = end;
                continue;
            }
            (int semicolon, bool isBlank, _) = StatementEnd(text, start);
            if (!isBlank)
                parts.Add(new InputPart(text[start..semicolon].Trim(), IsCommand: false));
            start = semicolon + 1;
        }
        (_, bool isNothing, _) = StatementEnd(text, start);
        return new SplitInput(parts, isNothing ? "" : text[start..]);
    }

    /// <summary>Whether a place is where names stand: in no text and no comment.</summary>
    public static bool IsCode(string text)
    {
        for (int at = 0; at < text.Length;)
        {
            int end = EndOf(text, at, out bool isClosed, out bool isComment);
            // A comment of a line goes on at its end, and a name in quotes may be completed by nobody else.
            if (!isClosed || (isComment && end == text.Length && text[at] == '-'))
                return false;
            at = end;
        }
        return true;
    }

    /// <summary>Where a command ends that begins at a place, after blanks; null where none does.</summary>
    private static int? CommandEnd(string text, int start)
    {
        while (start < text.Length && char.IsWhiteSpace(text[start]))
            start++;
        if (start == text.Length)
            return null;
        int end = text.IndexOf('\n', start) is >= 0 and var feed ? feed : text.Length;
        return text[start] == '.' || CommandWords.Contains(text[start..end].Trim().TrimEnd(';').TrimEnd(), StringComparer.OrdinalIgnoreCase) ? end : null;
    }

    /// <summary>The semicolon that ends a statement, and whether there is nothing in it.</summary>
    private static (int End, bool IsBlank, bool IsThere) StatementEnd(string text, int start)
    {
        bool isBlank = true;
        for (int at = start; at < text.Length;)
        {
            if (text[at] == ';')
                return (at, isBlank, true);
            int end = EndOf(text, at, out bool isClosed, out bool isComment);
            isBlank &= isComment ? isClosed : char.IsWhiteSpace(text[at]);
            at = end;
        }
        return (text.Length, isBlank, false);
    }

    /// <summary>The end of what begins at a place: a text or name in quotes, a comment, a word, or a character.</summary>
    private static int EndOf(string text, int at, out bool isClosed, out bool isComment)
    {
        isComment = false;
        isClosed = true;
        switch (text[at])
        {
            case '\'' or '"':
                return QuoteEnd(text, at, hasEscapes: false, out isClosed);
            case 'e' or 'E' when at + 1 < text.Length && text[at + 1] == '\'':
                return QuoteEnd(text, at + 1, hasEscapes: true, out isClosed);
            case '$' when DollarTag(text, at) is { } tag:
                int dollar = text.IndexOf(tag, at + tag.Length, StringComparison.Ordinal);
                isClosed = dollar >= 0;
                return isClosed ? dollar + tag.Length : text.Length;
            case '-' when Follows(text, at, "--"):
                isComment = true;
                return text.IndexOf('\n', at) is >= 0 and var feed ? feed : text.Length;
            case '/' when Follows(text, at, "/*"):
                isComment = true;
                return CommentEnd(text, at, out isClosed);
            case var c when IsWord(c):
                // As a whole: what is in a word begins no text, as in date'…' or a$1.
                while (at < text.Length && (IsWord(text[at]) || text[at] == '$'))
                    at++;
                return at;
            default:
                return at + 1;
        }
    }

    private static int QuoteEnd(string text, int at, bool hasEscapes, out bool isClosed)
    {
        char quote = text[at++];
        // A quote that is doubled ends one text and begins another, which comes to the same.
        for (; at < text.Length; at++)
        {
            if (hasEscapes && text[at] == '\\')
            {
                at++;
            }
            else if (text[at] == quote)
            {
                if (at + 1 == text.Length || text[at + 1] != quote)
                {
                    isClosed = true;
                    return at + 1;
                }
                at++;
            }
        }
        isClosed = false;
        return text.Length;
    }

    /// <summary>Comments stand in comments.</summary>
    private static int CommentEnd(string text, int at, out bool isClosed)
    {
        int depth = 0;
        while (at < text.Length)
        {
            int step = Follows(text, at, "/*") ? 1 : Follows(text, at, "*/") ? -1 : 0;
            depth += step;
            at += step == 0 ? 1 : 2;
            if (depth == 0)
                break;
        }
        isClosed = depth == 0;
        return Math.Min(at, text.Length);
    }

    /// <summary>$$ or $name$, by which a text begins and ends.</summary>
    private static string? DollarTag(string text, int at)
    {
        int end = at + 1;
        while (end < text.Length && IsWord(text[end]) && !(end == at + 1 && char.IsAsciiDigit(text[end])))
            end++;
        return end < text.Length && text[end] == '$' ? text[at..(end + 1)] : null;
    }

    private static bool Follows(string text, int at, string what) => text.AsSpan(at).StartsWith(what, StringComparison.Ordinal);

    private static bool IsWord(char c) => char.IsLetterOrDigit(c) || c == '_' || c > '\u007f';
}
