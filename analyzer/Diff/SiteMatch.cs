namespace AllocReplay.Analyzer.Diff;

/// <summary>How a site of one side was found on the other.</summary>
public enum SiteMatch
{
    /// <summary>By its hash: the same functions have frames.</summary>
    Same,
    /// <summary>The same functions, inlined ones counted: a compiler inlined others.</summary>
    Inlined,
    /// <summary>
    /// The functions of one are among those of the other, in their order, up to the same outermost one: some were inlined without a trace, or are new
    /// between the others.
    /// </summary>
    Contained,
    /// <summary>Only the function that the site is named by is the same; of several, that with the most outermost functions in common.</summary>
    Function,
    /// <summary>Not found: on the first side alone.</summary>
    OnlyA,
    /// <summary>Not found: on the second side alone.</summary>
    OnlyB,
}
