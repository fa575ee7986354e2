using AllocReplay.Analyzer.Parquet;
using AllocReplay.Formats.Calls;

namespace AllocReplay.Analyzer.Tables;

/// <summary>Rows of the table <c>allocations</c> in columns: what becomes one row group.</summary>
internal sealed class AllocationBatch
{
    // Every code that the wire can carry has a name, so that a kind is its own index.
    private static readonly string[] KindNames = Enumerable.Range(0, 64).Select(k => CallKinds.CallName((CallKind)k)).ToArray();

    private readonly Int64Column _object;
    private readonly Int64Column _address;
    private readonly Int64Column _size;
    private readonly NameColumn _kind;
    private readonly Int64Column _alignment;
    private readonly Int64Column _allocNs;
    private readonly Int64Column _endNs;
    private readonly NameColumn _endKind;
    private readonly Int64Column _lifetimeNs;
    private readonly Int64Column _lifetimeBytes;
    private readonly Int64Column _lifetimeAllocations;
    private readonly Int32Column _allocThread;
    private readonly Int32Column _freeThread;
    private readonly Int64Column _chain;
    private readonly Int32Column _chainPosition;

    public AllocationBatch(int capacity)
    {
        Capacity = capacity;
        Columns =
        [
            _object = new("object", capacity),
            _address = new("address", capacity),
            _size = new("size", capacity),
            _kind = new("kind", capacity, KindNames),
            _alignment = new("alignment", capacity),
            _allocNs = new("alloc_ns", capacity),
            _endNs = new("end_ns", capacity),
            _endKind = new("end_kind", capacity, EndKinds.Names),
            _lifetimeNs = new("lifetime_ns", capacity),
            _lifetimeBytes = new("lifetime_bytes", capacity),
            _lifetimeAllocations = new("lifetime_allocations", capacity),
            _allocThread = new("alloc_thread", capacity),
            _freeThread = new("free_thread", capacity),
            _chain = new("chain", capacity),
            _chainPosition = new("chain_position", capacity),
        ];
    }

    public IReadOnlyList<Column> Columns { get; }
    public int Capacity { get; }
    public int Rows { get; private set; }
    public bool IsFull => Rows == Capacity;

    public void Clear() => Rows = 0;

    public void Add(in AllocationRow row)
    {
        int i = Rows++;
        _object.Values[i] = row.Object;
        _address.Values[i] = row.Address;
        _size.Values[i] = row.Size;
        _kind.Codes[i] = (byte)row.Kind;
        _alignment.Values[i] = row.Alignment;
        _allocNs.Values[i] = row.AllocNs;
        _endNs.Values[i] = row.EndNs;
        _endKind.Codes[i] = (byte)row.EndKind;
        _lifetimeNs.Values[i] = row.LifetimeNs;
        _lifetimeBytes.Values[i] = row.LifetimeBytes;
        _lifetimeAllocations.Values[i] = row.LifetimeAllocations;
        _allocThread.Values[i] = row.AllocThread;
        _freeThread.Values[i] = row.FreeThread;
        _chain.Values[i] = row.Chain;
        _chainPosition.Values[i] = row.ChainPosition;
    }
}
