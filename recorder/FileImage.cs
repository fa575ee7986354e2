using System.IO.MemoryMappedFiles;
using AllocReplay.Formats.Recording;
using Microsoft.Win32.SafeHandles;

namespace AllocReplay.Recorder;

/// <summary>In files that the process writes itself.</summary>
internal sealed unsafe class FileImage : ImageMemory
{
    private readonly ImageDirectory _directory;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly ProcessHeader* _page;
    private readonly TailFlags _tails;
    private readonly bool _isCopy;

    /// <param name="directory">The image's.</param>
    /// <param name="process">Its file <c>process</c>; not closed here.</param>
    /// <param name="isCopy">Whether the page is one that no thread reads: the image has ended.</param>
    public FileImage(ImageDirectory directory, SafeFileHandle process, bool isCopy)
    {
        (_directory, _isCopy) = (directory, isCopy);
        _file = MemoryMappedFile.CreateFromFile(process, null, 0, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: true);
        _view = _file.CreateViewAccessor(0, sizeof(ProcessHeader));
        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        _page = (ProcessHeader*)start;
        _tails = new TailFlags(directory.Open(Wire.TailsFile, ImageDirectory.ReadWrite));
    }

    public override ProcessHeader* Page => _page;

    public override bool IsAlive => !_isCopy && Signals.Reach((int)_page->Pid);

    public override bool AllDown() => _tails.AllDown();

    public override bool LookForMore() => _tails.Map();

    public override void Seal()
    {
        using SafeFileHandle events = _directory.Open(Wire.EventsFile, ImageDirectory.WriteOnly);
        _tails.MoveTo(events);
    }

    public override uint NextInterval() => _page->Interval + 1;

    public override void Dispose()
    {
        _tails.Dispose();
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}
