using AllocReplay.Cli.Options;

namespace AllocReplay.Cli.Prompt;

/// <summary>How results are printed at a prompt, as long as nothing else is said.</summary>
/// <param name="Format">The form.</param>
/// <param name="Limit">Rows at the most; null: as many as the format shows.</param>
internal sealed record PromptSettings(QueryFormat Format, long? Limit);
