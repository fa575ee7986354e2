using System.Runtime.InteropServices;
using AllocReplay.Analyzer.Tables;
using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Formats.Stacks;
using AllocReplay.Formats.Statistics;

namespace AllocReplay.Analyzer.Passes;

/// <summary>
/// Where the calls of a trace were made. Each stack is looked at once, when it is first met: its site is known from then on, and so the site of a
/// block when its row is written. What is held does not grow with the trace: a number for each stack of the process image, its places in the code,
/// each once, and its sites with their totals.
/// </summary>
/// <param name="frames">The stacks.</param>
/// <param name="symbols">What their functions are called.</param>
/// <param name="sampling">Which blocks are in the trace.</param>
public sealed class CallSites(FrameTable frames, SymbolTable symbols, Sampling sampling = default)
{
    /// <summary>In <see cref="_siteOf"/>.</summary>
    private const int NotMet = 0, HasNoFrames = -1;

    private readonly int[] _siteOf = new int[frames.Count]; // by stack: an index of _sites, or one of the above
    private readonly Int128[] _liveOf = new Int128[frames.Count], _bytesOf = new Int128[frames.Count]; // by stack
    private readonly List<SiteTotals> _sites = [new(0, sampling)]; // the first: of blocks whose stack is not known
    private readonly Dictionary<long, int> _indices = [];
    private readonly Dictionary<CodeLocation, CodePlace> _placeAt = [];
    private readonly List<CodePlace> _places = [];
    private readonly List<SitePart> _parts = [];
    private int _lines;

    /// <summary>The sites that were met; the first is of what is not known.</summary>
    internal IReadOnlyList<SiteTotals> Sites => _sites;

    /// <summary>The places in the code that were met; <see cref="CodePlace.FirstLine"/> rises.</summary>
    internal IReadOnlyList<CodePlace> Places => _places;

    /// <summary>The numbers of the stacks that were met.</summary>
    internal IEnumerable<int> Stacks => Enumerable.Range(0, _siteOf.Length).Where(s => _siteOf[s] > 0);

    /// <summary>A stack's number, as it is if there is anything known of the stack; else 0.</summary>
    internal int Known(int stack)
    {
        if ((uint)stack >= (uint)_siteOf.Length)
            return 0;
        if (_siteOf[stack] == NotMet)
            _siteOf[stack] = Meet(stack);
        return _siteOf[stack] > 0 ? stack : 0;
    }

    /// <summary>The site of a stack that is known; 0 of 0.</summary>
    internal long SiteOf(int stack) => TotalsOf(stack).Site;

    /// <summary>A block was acquired with a stack that is known, or 0.</summary>
    internal void Acquired(int stack, in TraceCall call, long size)
    {
        TotalsOf(stack).Acquired(call, size);
        if (stack > 0)
        {
            _liveOf[stack] += size;
            _bytesOf[stack] += size;
        }
    }

    /// <summary>The live bytes of the site of a stack that is known, or 0.</summary>
    internal LivePeak PeakOf(int stack) => TotalsOf(stack).Peak;

    /// <summary>A block has ended, as <see cref="PeakOf"/> was told.</summary>
    internal void Ended(in AllocationRow row)
    {
        TotalsOf(row.AllocStack).Ended(row);
        if (row.AllocStack > 0 && row.EndKind != EndKind.AliveAtEnd)
            _liveOf[row.AllocStack] -= row.Size;
    }

    /// <summary>
    /// Of each of <see cref="Sites"/> the stack that stands for it: with the most bytes live at the end, or else acquired; 0 where there is none.
    /// </summary>
    internal int[] StacksOfSites()
    {
        var best = new int[_sites.Count];
        foreach (int stack in Stacks)
        {
            ref int of = ref best[_siteOf[stack]];
            if (of == 0 || (_liveOf[stack], _bytesOf[stack]).CompareTo((_liveOf[of], _bytesOf[of])) > 0)
                of = stack;
        }
        return best;
    }

    /// <summary>The places that a stack which was met goes through, the lowest first.</summary>
    internal IReadOnlyList<CodePlace> PlacesOf(int stack, out bool isWhole) =>
        [.. symbols.FramesOf(frames, stack, out isWhole).Select(f => _placeAt[f.Location])];

    private SiteTotals TotalsOf(int stack) => _sites[stack > 0 ? _siteOf[stack] : 0];

    private int Meet(int stack)
    {
        IReadOnlyList<Frame> met = symbols.FramesOf(frames, stack, out _);
        if (met.Count == 0)
            return HasNoFrames;
        _parts.Clear();
        foreach (Frame frame in met)
            _parts.Add(PlaceOf(frame).Part);
        long site = unchecked((long)SiteHash.Of(CollectionsMarshal.AsSpan(_parts)));
        if (!_indices.TryGetValue(site, out int index))
        {
            _indices.Add(site, index = _sites.Count);
            _sites.Add(new SiteTotals(site, sampling));
        }
        _sites[index].Stacks++;
        return index;
    }

    private CodePlace PlaceOf(in Frame frame)
    {
        if (!_placeAt.TryGetValue(frame.Location, out CodePlace? place))
        {
            place = new CodePlace(_lines, frame, [.. symbols.Lines([frame])], SiteHash.PartOf(frame, symbols));
            _placeAt.Add(frame.Location, place);
            _places.Add(place);
            _lines += place.Lines.Count;
        }
        return place;
    }
}
