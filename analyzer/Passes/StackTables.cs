using AllocReplay.Analyzer.Parquet;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats.Stacks;

namespace AllocReplay.Analyzer.Passes;

/// <summary>Writes the tables of what <see cref="CallSites"/> has met. Their rows are made one by one; those of stacks may be many.</summary>
internal sealed class StackTables(FrameTable frames, CallSites sites)
{
    private const string NotKnown = "(not known)";

    /// <returns>The tables and how many rows they have.</returns>
    public async Task<IReadOnlyList<(Table Table, long Rows)>> WriteAsync(
        OutputDirectory output, FileFormat format, CancellationToken token)
    {
        return
        [
            await WriteAsync(DatasetTables.Sites, SiteRows(), r => r.Function.Length + r.File.Length + r.Text.Length).ConfigureAwait(false),
            await WriteAsync(DatasetTables.Stacks, StackRows(), r => r.Function.Length + r.File.Length + r.Text.Length).ConfigureAwait(false),
            await WriteAsync(DatasetTables.StackFrames, StackFrameRows(), _ => 0).ConfigureAwait(false),
            await WriteAsync(DatasetTables.Frames, FrameRows(), r => r.Function.Length + r.LinkageName.Length + r.File.Length).ConfigureAwait(false),
            await WriteAsync(DatasetTables.Modules, frames.Modules.Select(ModuleRow.Of), r => r.Path.Length).ConfigureAwait(false),
        ];

        async Task<(Table, long)> WriteAsync<TRow>(Table<TRow> table, IEnumerable<TRow> rows, Func<TRow, int> characters) where TRow : struct
        {
            TableStream<TRow> stream = await TableStream<TRow>.CreateAsync(output.Stage(table.Name), table, format, token).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                foreach (TRow row in rows)
                {
                    token.ThrowIfCancellationRequested();
                    await stream.AddAsync(row, characters(row)).ConfigureAwait(false);
                }
                await stream.CompleteAsync().ConfigureAwait(false);
                return (table, stream.Rows);
            }
        }
    }

    private IEnumerable<SiteRow> SiteRows()
    {
        if (sites.Sites[0].HasBlocks && frames.Count > 0)
            yield return sites.Sites[0].ToRow(NotKnown, "", 0, NotKnown);
        int[] stacks = sites.StacksOfSites();
        for (int i = 1; i < stacks.Length; i++)
        {
            SiteTotals site = sites.Sites[i];
            IReadOnlyList<CodePlace> places = sites.PlacesOf(stacks[i], out bool isWhole);
            StackLine named = NamedAfter(places);
            // Those that the hash is of. That others follow, which start the thread, is not worth a mark.
            int count = SiteHash.CountOf(places.Select(p => p.Part).ToArray());
            string text = StackText.Of(places.Take(count).Select(p => p.Lines[^1].Name), isWhole || count < places.Count);
            yield return site.ToRow(named.Name, named.Function?.File ?? "", named.Function?.Line ?? 0, text);
        }
    }

    private static StackLine NamedAfter(IReadOnlyList<CodePlace> places)
    {
        StackLine[] lines = [.. places.Select(p => p.Lines[^1])];
        return lines[SiteName.IndexIn(lines)];
    }

    private IEnumerable<StackRow> StackRows()
    {
        foreach (int stack in sites.Stacks)
        {
            IReadOnlyList<CodePlace> places = sites.PlacesOf(stack, out bool isWhole);
            StackLine named = NamedAfter(places);
            yield return new StackRow
            {
                Stack = stack,
                Depth = places.Count,
                IsWhole = isWhole,
                Site = sites.SiteOf(stack),
                Function = named.Name,
                File = named.Function?.File ?? "",
                Line = named.Function?.Line ?? 0,
                Text = StackText.Of(places.SelectMany(p => p.Lines).Select(l => l.Name), isWhole),
            };
        }
    }

    private IEnumerable<StackFrameRow> StackFrameRows()
    {
        foreach (int stack in sites.Stacks)
        {
            int position = 0;
            foreach (CodePlace place in sites.PlacesOf(stack, out _))
                for (int i = 0; i < place.Lines.Count; i++)
                    yield return new StackFrameRow { Stack = stack, Position = position++, Frame = place.FirstLine + i, IsInlined = place.Lines[i].IsInlined };
        }
    }

    private IEnumerable<FrameRow> FrameRows()
    {
        foreach (CodePlace place in sites.Places)
        {
            for (int i = 0; i < place.Lines.Count; i++)
            {
                StackLine line = place.Lines[i];
                CodeLocation location = line.Frame.Location;
                yield return new FrameRow
                {
                    Frame = place.FirstLine + i,
                    Address = unchecked((long)line.Frame.CallAddress),
                    Module = location.Module,
                    ModuleOffset = unchecked((long)location.Offset),
                    Function = line.Name,
                    LinkageName = line.Function?.LinkageName ?? "",
                    File = line.Function?.File ?? "",
                    Line = line.Function?.Line ?? 0,
                    HasSymbol = line.Function is not null,
                };
            }
        }
    }
}
