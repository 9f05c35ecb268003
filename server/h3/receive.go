package h3

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/e0ac7cd4/hotpath/internal/limit"
	"github.com/e0ac7cd4/hotpath/metrics"
	"github.com/e0ac7cd4/hotpath/server/head"
	relay "github.com/e0ac7cd4/hotpath/server/stream"
)

// receive is the goroutine that receives a request's content: from [stream.in], with
// a pace of its own, into the body.
func (s *stream) receive() {
	defer s.releaseReader()
	defer s.conn.survive("a request's content", func() {
		s.breakOff(codeInternalError, errStreamDone)
		s.body.Fail(errStreamDone)
	})
	err := s.receiveFrames()
	if err == nil {
		s.body.End()
		return
	}
	var f *failure
	switch {
	case s.conn.isGone(err):
		err = errPeerGone
	case s.isOver(): // it was late
		s.dropLate()
	case errors.As(err, &f) && f.conn:
		s.conn.fail(f)
	case errors.As(err, &f):
		s.breakOff(quic.StreamErrorCode(f.code), f)
		s.conn.spendEarly()
	case err == errStalled:
		s.conn.limit(metrics.LimitBodyTimeout)
		s.breakOff(codeRequestCancelled, err)
		s.conn.spendEarly()
	case err == relay.ErrMemory:
		s.conn.limit(metrics.LimitBodyMemory)
		s.breakOff(codeExcessiveLoad, err)
	case err == io.ErrUnexpectedEOF:
		s.conn.fail(connError(codeFrameError, "a stream that ends within a frame")) // §7.1
	case brokenOff(err):
		s.conn.cfg.Metrics.StreamsReset.Add(s.conn.stripe, metrics.ByPeer, 1)
		s.breakOff(codeRequestCancelled, errPeerReset) // an incomplete request (§4.1.1)
		s.conn.spendEarly()
		err = errPeerReset
	}
	s.body.Fail(err)
}

// receiveFrames receives DATA and trailers up to the stream's end.
func (s *stream) receiveFrames() error {
	pace := limit.NewPace(s.conn.cfg.Limits.rate())
	in := &paced{s, pace}
	received, trailed := int64(0), false
	for {
		h, err := readFrameHead(in)
		switch {
		case err == io.EOF:
			if s.declared >= 0 && received != s.declared {
				return streamError(codeMessageError, "DATA does not add up to content-length") // §4.1.2
			}
			return nil
		case err != nil:
			return err
		}
		if f := h.belongs(); f != nil {
			return f
		}
		switch {
		case trailed && (h.kind == frameData || h.kind == frameHeaders):
			return connError(codeFrameUnexpected, "a frame behind the trailers") // §4.1
		case h.kind == frameData:
			if s.declared >= 0 && h.length > uint64(s.declared-received) {
				return streamError(codeMessageError, "DATA does not add up to content-length")
			}
			err = s.receiveData(in, h.length, &received)
		case h.kind == frameHeaders && s.asks:
			return connError(codeFrameUnexpected, "HEADERS in a tunnel") // §4.4
		case h.kind == frameHeaders:
			trailed = true
			err = s.receiveTrailers(in, h.length)
		default:
			if f := s.conn.useless("a frame of an unknown type"); f != nil {
				return f
			}
			if h.length > maxUnknown {
				return streamError(codeExcessiveLoad, "a large frame of an unknown type")
			}
			err = skip(in, h.length)
		}
		if err != nil {
			return err
		}
	}
}

// receiveData receives the content of a DATA frame, as the handler reads it.
func (s *stream) receiveData(in *paced, left uint64, received *int64) error {
	most := s.conn.cfg.Limits.BodyBytes
	for left > 0 {
		if s.isOver() {
			return errStreamDone
		}
		if err := s.awaitRoom(); err != nil {
			return err
		}
		if err := in.await(); err == io.EOF {
			return io.ErrUnexpectedEOF
		} else if err != nil {
			return err
		}
		p, _ := s.in.Peek(int(min(left, uint64(s.in.Buffered()))))
		n := len(p)
		left -= uint64(n)
		*received += int64(n)
		s.received.Store(*received)
		s.moved.Store(time.Now().UnixNano())
		if *received > most && !s.asks && s.body.TooLarge(most) {
			s.conn.limit(metrics.LimitBodySize)
		}
		s.unread.Add(int64(n))
		unkept, err := s.body.Add(p)
		s.unread.Add(-int64(unkept))
		if err != nil {
			return err
		}
		_, _ = s.in.Discard(n) // it is there
	}
	return nil
}

// awaitRoom waits until the handler has read enough for more to be received.
func (s *stream) awaitRoom() error {
	for s.unread.Load() >= MaxStreamWindow {
		select {
		case <-s.drained:
		case <-s.broken:
			return errStreamDone
		case <-s.conn.quic.Context().Done():
			return errPeerGone
		}
	}
	return nil
}

// wasRead notes that the handler has read n bytes, or does without them.
func (s *stream) wasRead(n int) {
	s.unread.Add(-int64(n))
	raise(s.drained)
}

// receiveTrailers receives the fields that end a request's content (§4.1). They count
// as what they are encoded, in a buffer that grows by quarters, and decoded.
func (s *stream) receiveTrailers(in *paced, length uint64) error {
	l := &s.conn.cfg.Limits
	if length > uint64(headerBlockFactor*l.HeaderBytes) {
		s.conn.limit(metrics.LimitHeaderBlock)
		return streamError(codeExcessiveLoad, "trailers over the limit")
	}
	memory := int64(length)*5/4 + int64(l.HeaderBytes)
	if !s.ticket.Take(memory) {
		return relay.ErrMemory
	}
	defer s.ticket.Give(memory) // the body counts what it keeps
	section, err := readSome(in, nil, int(length))
	if err != nil {
		return err
	}
	fields, truncated, err := decodeFields(nil, section, l.HeaderBytes, l.HeaderFields)
	switch {
	case err != nil:
		return connError(codeDecompressionFailed, err.Error())
	case truncated:
		s.conn.limit(metrics.LimitHeaderList)
		return streamError(codeExcessiveLoad, "trailers over the limit")
	}
	if why := head.CheckTrailers(fields); why != "" {
		return streamError(codeMessageError, why)
	}
	s.body.AddTrailers(fields)
	return nil
}

// paced reads from the peer at the least rate or faster, while the handler waits for
// content. A tunnel has another limit.
type paced struct {
	s    *stream
	pace limit.Pace
}

// Read implements io.Reader.
func (p *paced) Read(b []byte) (n int, err error) {
	for {
		if err := p.arm(); err != nil {
			return 0, err
		}
		n, err = p.s.in.Read(b)
		if again, aerr := p.moved(n, err); !again {
			return n, aerr
		}
	}
}

// ReadByte implements io.ByteReader, for the heads of frames.
func (p *paced) ReadByte() (byte, error) {
	if err := p.await(); err != nil {
		return 0, err
	}
	return p.s.in.ReadByte()
}

// await waits until something is there to be read.
func (p *paced) await() error {
	for p.s.in.Buffered() == 0 {
		if err := p.arm(); err != nil {
			return err
		}
		_, err := p.s.in.Peek(1)
		if _, err = p.moved(p.s.in.Buffered(), err); err != nil {
			return err
		}
	}
	return nil
}

// arm gives the next read its deadline: that of the peer's turn, which begins now.
func (p *paced) arm() error {
	if p.s.isOver() {
		return errStreamDone
	}
	now := time.Now()
	p.pace.Wait(now)
	due, _ := p.pace.Due(now)
	if p.s.asks {
		due = time.Time{} // see stillIdle
	}
	return p.s.quic.SetReadDeadline(due)
}

// moved notes what a read has brought, and reports whether it is to be done again: a
// peer is not too slow while the handler has content to read.
func (p *paced) moved(n int, err error) (again bool, _ error) {
	now := time.Now()
	if n > 0 {
		p.pace.Moved(n, now)
	}
	p.pace.Pause(now)
	if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = nil
		}
		return false, err
	}
	if !p.s.body.Starving() || p.s.body.Awaited() {
		p.pace.Restart()
		return true, nil
	}
	if p.s.conn.quic.Context().Err() != nil {
		return false, errPeerGone
	}
	return false, errStalled
}
