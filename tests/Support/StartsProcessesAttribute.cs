using Xunit.v3;

namespace AllocReplay.Tests.Support;

/// <summary>
/// Marks tests that start processes. <c>./build.sh test fast</c> leaves them out, and <see cref="ProcessBan"/> sees that they are all marked.
/// </summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
internal sealed class StartsProcessesAttribute : Attribute, ITraitAttribute
{
    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() => [new("Starts", "processes")];
}
