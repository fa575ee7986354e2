using System.Text;

namespace AllocReplay.Cli.Output;

/// <summary>Standard output as a stream of bytes, for what writes such; what was printed before comes before.</summary>
internal sealed class DataStream : Stream
{
    private readonly Stream? _bytes;
    private readonly TextWriter _text;
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

    public DataStream(TextWriter output)
    {
        output.Flush();
        (_bytes, _text) = ((output as StreamWriter)?.BaseStream, output);
    }

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (_bytes is not null)
        {
            _bytes.Write(buffer);
            return;
        }
        // A writer of text, in a test: what a piece cuts in two comes whole with the next.
        var characters = new char[_decoder.GetCharCount(buffer, flush: false)];
        _text.Write(characters, 0, _decoder.GetChars(buffer, characters, flush: false));
    }

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
