package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// body is the client's content as net/http reads it, on a goroutine of its own
// that may outlive the exchange. After finish, the client's reader is not used.
type body struct {
	from     io.Reader
	left     int64 // bytes to come, -1 if only the end shows
	trailers func() []hpack.Field
	into     http.Header // for the trailers
	watch    *watch

	closed atomic.Bool
	over   chan struct{} // closed with it; nil if the client expects no 100 (Continue)
	use    atomic.Uint32

	reading sync.Mutex // held in Read; guards what is below
	ended   bool
	err     error // of the client's side
}

// What became of a content.
const (
	untouched uint32 = iota
	taken            // a byte may have been: no second try
	refused          // by the upstream, before it was asked for
)

var errBodyClosed = errors.New("the exchange has ended")

// Read implements [io.Reader].
func (b *body) Read(p []byte) (n int, err error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	if b.closed.Load() {
		return 0, errBodyClosed
	}
	if b.ended {
		return 0, io.EOF
	}
	if !b.decide(taken) {
		<-b.over // an error would have net/http drop the answer
		return 0, errBodyClosed
	}
	b.watch.upload(uploadClient)
	n, err = b.from.Read(p)
	b.watch.upload(uploadOrigin)
	if b.left >= 0 {
		if b.left -= int64(n); b.left < 0 {
			err = errors.New("more bytes than announced")
		}
		if err == io.EOF && b.left > 0 {
			err = io.ErrUnexpectedEOF
		}
	}
	switch {
	case err == io.EOF:
		b.end()
	case err != nil:
		b.err = fmt.Errorf("%w: %w", errClientBody, err)
	}
	return n, err
}

// decide settles what becomes of the content, once, and reports whether it is that.
func (b *body) decide(use uint32) bool {
	return b.use.Load() == use || b.use.CompareAndSwap(untouched, use)
}

// used reports whether a byte may have been taken.
func (b *body) used() bool { return b.use.Load() == taken }

// end takes the trailers. net/http writes them when Read has returned io.EOF.
func (b *body) end() {
	b.ended = true
	b.watch.upload(uploadNone)
	if b.trailers == nil || b.into == nil {
		return
	}
	for _, f := range b.trailers() {
		if trailerAllowed(f.Name) && validName(f.Name) && validValue(f.Value) {
			name := canonical(f.Name, strings.Clone)
			b.into[name] = append(b.into[name], strings.Clone(f.Value))
		}
	}
}

// Close implements [io.Closer] for net/http: no more is read.
func (b *body) Close() error {
	if !b.closed.Swap(true) && b.over != nil {
		close(b.over)
	}
	return nil
}

// abort makes a pending Read return, if the client's reader can be closed.
func (b *body) abort() {
	_ = b.Close() // never fails
	if c, ok := b.from.(io.Closer); ok {
		_ = c.Close() // its error changes nothing
	}
}

// finish returns when the client's reader is not in use any more, with the
// error that it ended with, if it did.
func (b *body) finish() error {
	_ = b.Close() // never fails
	if !b.reading.TryLock() {
		b.abort()
		b.reading.Lock()
	}
	defer b.reading.Unlock()
	return b.err
}
