using AllocReplay.Formats.Calls;

namespace AllocReplay.Formats.Statistics;

/// <summary>Blocks that are live, by what is known of them.</summary>
/// <param name="CarriedBlocks">Those that were live already when the window of a kept recording began.</param>
/// <param name="CarriedBytes">Bytes requested for them; at most <see cref="ByteCount.Max"/>.</param>
/// <param name="UncertainBlocks">Those that may have been given back unseen: see <see cref="Certainty"/>.</param>
/// <param name="UncertainBytes">Bytes requested for them; at most <see cref="ByteCount.Max"/>.</param>
/// <param name="UncertainCarriedBlocks">Those that are both.</param>
public sealed record LiveCertainty(long CarriedBlocks, ulong CarriedBytes, long UncertainBlocks, ulong UncertainBytes, long UncertainCarriedBlocks)
{
    /// <summary>Adds blocks up, exactly.</summary>
    internal struct Sums
    {
        private long _carried, _uncertain, _both;
        private UInt128 _carriedBytes, _uncertainBytes;

        public void Add(ulong bytes, bool isCarried, bool isUncertain)
        {
            if (isCarried)
            {
                _carried++;
                _carriedBytes += bytes;
            }
            if (isUncertain)
            {
                _uncertain++;
                _uncertainBytes += bytes;
            }
            if (isCarried && isUncertain)
                _both++;
        }

        public readonly LiveCertainty ToResult() =>
            new(_carried, ByteCount.Of(_carriedBytes), _uncertain, ByteCount.Of(_uncertainBytes), _both);
    }
}
