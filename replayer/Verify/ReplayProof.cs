using AllocReplay.Formats;
using AllocReplay.Formats.Calls;
using AllocReplay.Replayer.Order;
using AllocReplay.Replayer.Scratch;
using static AllocReplay.Replayer.Verify.CallDescription;

namespace AllocReplay.Replayer.Verify;

/// <summary>
/// The proof of a replay: it was recorded by the same hook, and its recording is compared with the trace, edge by edge
/// (docs/design/replay.md).
/// </summary>
public sealed unsafe class ReplayProof
{
    private readonly Execution _trace;
    private readonly Execution _replay;
    private readonly ProofOptions _options;
    private readonly Substitution _substitution;
    private readonly int[] _match;
    private readonly long _slackNs;
    private readonly Tally _program = new(), _outcomes = new(), _objects = new(), _lives = new(), _order = new();
    private readonly PrologueCheck _prologue;
    private readonly GapErrors _gaps = new();
    private long _succeededNow, _substituted;

    private ReplayProof(Execution trace, Execution replay, long resolutionNs, ProofOptions options)
    {
        (_trace, _replay, _options) = (trace, replay, options);
        _substitution = new Substitution(options.Substituted);
        _match = ThreadMatch.Of(trace, replay);
        _slackNs = 2 * resolutionNs; // an end is a stamp plus a duration: each may be off by one step
        _prologue = new PrologueCheck(trace, replay, _match, _slackNs);
    }

    /// <summary>Compares a trace with the recording of its replay.</summary>
    /// <param name="trace">The trace, not yet read from.</param>
    /// <param name="replay">The recording of the replay, with latency, not yet read from.</param>
    /// <param name="options">What the replay was to do.</param>
    /// <param name="directory">Where temporary files go; they take some 70 bytes for each call of either.</param>
    /// <param name="progress">Told the fraction done.</param>
    /// <param name="token">Ends the work.</param>
    /// <exception cref="TraceFormatException">
    /// What should be the recording of a replay has no latency. What is damaged is compared as far as it reads.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    /// <exception cref="ReplayException">No room for temporary files.</exception>
    public static ProofReport Check(
        TraceReader trace, TraceReader replay, ProofOptions options, string directory, IProgress<double>? progress = null, CancellationToken token = default)
    {
        if (!replay.Process.Latency)
        {
            throw new TraceFormatException(
                replay.Path, null, "expected the recording of a replay, found one without latency: when its calls ended is not known");
        }
        using Spill spill = new(directory), replaySpill = new(directory);
        var halves = new HalvedProgress(progress);
        Task<Execution> reading = Task.Run(() => Execution.Read(replay, null, replaySpill, halves.Second, token), CancellationToken.None);
        Execution recorded;
        try
        {
            recorded = Execution.Read(trace, options.Order, spill, halves.First, token);
        }
        finally
        {
            Task.WaitAny([reading], CancellationToken.None); // it writes to its spill until then
        }
        Execution replayed = reading.GetAwaiter().GetResult();
        return new ReplayProof(recorded, replayed, replay.ResolutionNs, options).Run();
    }

    private ProofReport Run()
    {
        long calls = 0, creations = 0;
        foreach (ExecutedThread created in _trace.Threads.Where(t => t.Parent >= 0))
            creations += created.Creation < _trace.Threads[created.Parent].CarriedCalls ? 0 : 1;
        if (_replay.Threads.Count != _trace.Threads.Count)
            _lives.Fail(() => $"the trace has {_trace.Threads.Count} threads, the replay {_replay.Threads.Count}");
        for (int i = 0; i < _trace.Threads.Count; i++)
        {
            calls += _trace.Threads[i].Calls.Count - _trace.Threads[i].CarriedCalls;
            if (_match[i] < 0)
                _lives.Fail(() => $"{Who(_trace, i)} of the trace has no counterpart in the replay");
            else
                CompareThread(i);
        }
        foreach ((nint start, int count) in _trace.Edges.Chunks())
            for (int i = 0; i < count; i++)
                CheckEdge(((OrderEdge*)start)[i]);
        (long pairs, long inversions) = CountInversions();
        return new ProofReport
        {
            Order = _options.Order,
            Threads = _trace.Threads.Count,
            Calls = calls - creations,
            Creations = creations,
            Prologue = _prologue.ToProof(),
            Edges = Checks(),
            NeighbourPairs = pairs,
            Inversions = inversions,
            Timing = _options.Pace.IsAsap ? null : _gaps.ToTiming(),
            SucceededNow = _succeededNow,
            Substituted = _substituted,
            SkippedReleases = _trace.SkippedReleases,
            UnknownReallocations = _trace.UnknownReallocations,
        };
    }

    private EdgeCheck[] Checks()
    {
        EdgeCheck program = _program.ToCheck("P", "each thread's calls, in its order");
        EdgeCheck outcomes = _outcomes.ToCheck("S", "calls that gave a block do so again");
        EdgeCheck objects = _objects.ToCheck("O", "each block from the same call, over by then");
        EdgeCheck lives = _lives.ToCheck("L", "threads begin and end where they did");
        return _options.Order switch
        {
            ReplayOrder.Deps => [program, outcomes, objects, lives],
            ReplayOrder.Exact => [program, outcomes, objects, lives, _order.ToCheck("R", "calls that were over before others began")],
            _ => [program, outcomes, objects, lives, _order.ToCheck("T", "calls of different threads, in turn")],
        };
    }

    private void CompareThread(int index)
    {
        ExecutedThread recorded = _trace.Threads[index], replayed = _replay.Threads[_match[index]];
        long common = Math.Min(recorded.Calls.Count, replayed.Calls.Count);
        for (long i = 0; i < common; i++)
            CompareCall(index, i, *recorded.Calls.At(i), *replayed.Calls.At(i));
        for (long i = common; i < recorded.Calls.Count; i++)
            Fail(i < recorded.CarriedCalls ? _prologue.Acquired : _program, index, i, () => "the replay's thread has ended its calls before");
        if (replayed.Calls.Count > recorded.Calls.Count)
        {
            _program.Fail(() => $"{Who(_trace, index)} made {recorded.Calls.Count:N0} calls; in the replay {replayed.Calls.Count:N0}, "
                + $"the next is {Describe(_replay, new(_match[index], recorded.Calls.Count))}");
        }
        if (!_options.Pace.IsAsap)
            _gaps.Add(recorded, replayed, common, _options.Pace.TimeScale);
        CheckLife(index, recorded, replayed);
    }

    private void CompareCall(int thread, long index, in ExecutedCall recorded, in ExecutedCall replayed)
    {
        (CallKind kind, ulong size, ulong argument) = _substitution.Of(recorded);
        if (kind != recorded.Kind)
            _substituted++;
        bool isSame = replayed.Kind == kind && replayed.Size == size && replayed.Argument == argument;
        bool isCreation = kind == CallKind.ThreadCreate;
        // To give back no block is another call than to give back one, except where there was none to be had.
        bool gives = recorded.SourceCall >= 0 && !isCreation, given = replayed.SourceCall != ExecutedCall.NoBlock && !isCreation;
        if (isSame && !gives && given)
            isSame = false;
        if (index < _trace.Threads[thread].CarriedCalls)
        {
            _prologue.Compare(thread, index, isSame, recorded, replayed);
            return;
        }
        if (isSame)
            _program.Hold();
        else
            FailCall(thread, index);
        if (CallKinds.IsAcquisition(kind))
        {
            _succeededNow += recorded.IsNull && !replayed.IsNull ? 1 : 0;
            if (!recorded.IsNull && !replayed.IsNull)
                _outcomes.Hold();
            else if (!recorded.IsNull)
                Fail(_outcomes, thread, index, () => "in the replay it failed");
        }
        if (gives)
            CheckObject(thread, index, recorded, replayed);
    }

    private void CheckObject(int thread, long index, in ExecutedCall recorded, in ExecutedCall replayed)
    {
        var source = new CallPlace(_match[recorded.SourceThread], recorded.SourceCall);
        ExecutedCall* acquirer = Find(source);
        bool isSame = acquirer != null && replayed.SourceThread == source.Thread && replayed.SourceCall == source.Call;
        // The call that was to give the block failed: there is none to give up.
        bool hadNone = acquirer != null && acquirer->IsNull && replayed.SourceCall == ExecutedCall.NoBlock;
        bool isOver = acquirer != null && acquirer->EndNs <= replayed.BeginNs + _slackNs;
        if ((isSame || hadNone) && isOver)
        {
            _objects.Hold();
            return;
        }
        FailObject(thread, index, new CallPlace(replayed.SourceThread, replayed.SourceCall), source);
    }

    // What fails is put in words by methods of its own: to have the words at hand costs an object for every call.
    private void FailObject(int thread, long index, CallPlace from, CallPlace source) =>
        Fail(_objects, thread, index, () => from.Call < 0
            ? "in the replay it gives up " + (from.Call == ExecutedCall.NoBlock ? "no block" : "a block that no call gave")
            : from != source ? $"its block is that of {Describe(_replay, from)}, and not that of {Describe(_replay, source)}"
            : $"its block comes from {Describe(_replay, source)}, which was not over");

    /// <summary>
    /// Its creation, where it has one, comes before its first call; its end, where the trace shows one, after its last, and else there is none.
    /// </summary>
    private void CheckLife(int index, ExecutedThread recorded, ExecutedThread replayed)
    {
        if (recorded.Parent >= 0 && replayed.Calls.Count > 0)
        {
            ExecutedCall* creation = Find(new CallPlace(replayed.Parent, replayed.Creation));
            if (creation != null && creation->BeginNs <= replayed.Calls.At(0)->BeginNs + _slackNs)
                _lives.Hold();
            else
                _lives.Fail(() => $"{Who(_trace, index)}: its first call in the replay comes before its creation");
        }
        // The first thread cannot be ended while the process lives, and need not: that it was is not shown.
        if (recorded.ExitNs is null || index == _trace.MainThread)
        {
            if (replayed.ExitNs is { } early)
            {
                string stays = recorded.ExitNs is null ? "does not end in the trace" : "stays while the process lives";
                _lives.Fail(() => $"{Who(_trace, index)} {stays}; in the replay it ends at {Time(early)}");
            }
            else if (recorded.ExitNs is null)
                _lives.Hold();
            else
                _lives.Skip();
        }
        else if (replayed.ExitNs is { } exit && !replayed.CallsAfterExit
            && (replayed.Calls.Count == 0 || replayed.Calls.At(replayed.Calls.Count - 1)->EndNs <= exit + _slackNs))
        {
            _lives.Hold();
        }
        else
        {
            _lives.Fail(() => $"{Who(_trace, index)} ends in the trace; in the replay "
                + (replayed.ExitNs is null ? "its end is not there" : $"it ends at {Time(replayed.ExitNs.Value)} with a call to come"));
        }
    }

    private void CheckEdge(in OrderEdge edge)
    {
        (long Begin, long End)? earlier = When(edge.Earlier, isEarlier: true), later = When(edge.Later, isEarlier: false);
        if (earlier is null || later is null)
        {
            // What is missing has been told by P and L; an end that the replay cannot show is no fault.
            if (IsThere(edge.Earlier) && IsThere(edge.Later))
                _order.Skip();
            else
                Fail(_order, edge);
        }
        else if (earlier.Value.End <= later.Value.Begin + _slackNs)
        {
            _order.Hold();
        }
        else
        {
            Fail(_order, edge);
        }
    }

    /// <summary>
    /// When that happened in the replay. The end of a thread that is followed by calls cannot be seen there: it stands between two calls, and where
    /// there are none on that side, null.
    /// </summary>
    private (long Begin, long End)? When(CallPlace place, bool isEarlier)
    {
        ExecutedThread recorded = _trace.Threads[place.Thread];
        if (place.Call == Predecessor.Exit)
        {
            if (_match[place.Thread] >= 0 && !recorded.CallsAfterExit && place.Thread != _trace.MainThread)
                return _replay.Threads[_match[place.Thread]].ExitNs is { } exit ? (exit, exit) : null;
            place = place with { Call = recorded.CallsBeforeExit - (isEarlier ? 1 : 0) };
        }
        ExecutedCall* call = Find(new CallPlace(_match[place.Thread], place.Call));
        return call == null ? null : (call->BeginNs, call->EndNs);
    }

    private bool IsThere(CallPlace place) => _match[place.Thread] >= 0
        && (place.Call == Predecessor.Exit
            ? _trace.Threads[place.Thread].CallsAfterExit || place.Thread == _trace.MainThread || _replay.Threads[_match[place.Thread]].ExitNs is not null
            : place.Call < _replay.Threads[_match[place.Thread]].Calls.Count);

    private ExecutedCall* Find(CallPlace place) =>
        place.Thread >= 0 && place.Call >= 0 && place.Call < _replay.Threads[place.Thread].Calls.Count
            ? _replay.Threads[place.Thread].Calls.At(place.Call)
            : null;

    /// <summary>Neighbours in the merged order, of two threads, by the moments that the trace knows of them: of both executions the same ones.</summary>
    private (long Pairs, long Inversions) CountInversions()
    {
        long pairs = 0, inversions = 0;
        (int Thread, long RecordedNs, long ReplayedNs)? last = null;
        foreach ((nint start, int count) in _trace.Sequence.Chunks())
        {
            for (int i = 0; i < count; i++)
            {
                CallPlace place = ((CallPlace*)start)[i];
                if (place.Call == Predecessor.Exit || Find(new CallPlace(_match[place.Thread], place.Call)) is var replayed && replayed == null)
                    continue;
                ExecutedCall recorded = *_trace.Threads[place.Thread].Calls.At(place.Call);
                long moment = recorded.MomentNs == recorded.BeginNs ? replayed->BeginNs : replayed->EndNs;
                if (last is { } before && before.Thread != place.Thread)
                {
                    pairs++;
                    inversions += recorded.MomentNs != before.RecordedNs && moment != before.ReplayedNs
                        && recorded.MomentNs < before.RecordedNs != moment < before.ReplayedNs ? 1 : 0;
                }
                last = (place.Thread, recorded.MomentNs, moment);
            }
        }
        return (pairs, inversions);
    }

    private void FailCall(int thread, long call) =>
        Fail(_program, thread, call, () => $"in the replay it is {Describe(_replay, new CallPlace(_match[thread], call))}");

    private void Fail(Tally tally, int thread, long call, Func<string> what) => tally.Fail(() => $"{Describe(_trace, new CallPlace(thread, call))}: {what()}");

    private void Fail(Tally tally, OrderEdge edge) => tally.Fail(() =>
        $"{Describe(_trace, edge.Earlier)} comes before {Describe(_trace, edge.Later)}; in the replay the one is over "
        + $"{TimeOf(When(edge.Earlier, true)?.End)}, the other begins {TimeOf(When(edge.Later, false)?.Begin)}");
}
