package peer

import (
	"context"
	"crypto/tls"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/tools/attack/target"
)

// Conn is the client's end of a connection of HTTP/2.
type Conn struct {
	To *target.Target

	ctx   context.Context
	conn  *tls.Conn
	begun time.Time
	next  uint32
	sent  atomic.Int64 // frames

	reading sync.Once
	ended   chan struct{} // closed when end is set, after which nothing is read
	decoder hpack.Decoder
	list    hpack.List

	oldest uint32 // the first stream that AnswerAll did not see end

	mu       sync.Mutex
	end      End
	resets   map[uint32]frame.ErrCode // by stream
	statuses map[uint32]string        // of responses, by stream
	done     map[uint32]bool          // streams whose response ended
	received int                      // content of responses that Credit did not give back
	settings map[frame.SettingID]uint32
	changed  chan struct{} // has a value when any of them changed
}

// Options are how a connection begins.
type Options struct {
	Settings []frame.Setting
	Deaf     bool // nothing is read until Listen
}

// Open makes a connection, with preface and SETTINGS. It ends with ctx.
func Open(ctx context.Context, to *target.Target, o Options) (*Conn, error) {
	conn, err := to.DialTLS(ctx, "h2")
	if err != nil {
		return nil, err
	}
	c := &Conn{
		To: to, ctx: ctx, conn: conn, begun: time.Now(), next: 1, oldest: 1,
		ended:   make(chan struct{}),
		decoder: hpack.NewDecoder(hpack.DefaultTableSize), list: hpack.List{MaxBytes: 64 << 10, MaxFields: 1000},
		resets: make(map[uint32]frame.ErrCode), statuses: make(map[uint32]string), done: make(map[uint32]bool),
		settings: make(map[frame.SettingID]uint32), changed: make(chan struct{}, 1),
	}
	context.AfterFunc(ctx, func() { _ = conn.SetWriteDeadline(time.Now()) })
	if !o.Deaf {
		c.Listen()
	}
	c.Send(1, append([]byte(frame.Preface), frame.AppendSettingsAck(frame.AppendSettings(nil, o.Settings...))...))
	return c, nil
}

// NextID is the next stream's.
func (c *Conn) NextID() uint32 {
	c.next += 2
	return c.next - 2
}

// Send sends frames, and reports whether the connection goes on. It blocks as long
// as the server does not read.
func (c *Conn) Send(frames int, b []byte) bool {
	select {
	case <-c.ended:
		return false
	case <-c.ctx.Done():
		return false
	default:
	}
	c.sent.Add(int64(frames))
	_, err := c.conn.Write(b)
	return err == nil
}

// Context ends when the attack does.
func (c *Conn) Context() context.Context { return c.ctx }

// Pause waits, and reports whether the connection goes on.
func (c *Conn) Pause(d time.Duration) bool {
	select {
	case <-c.ended:
		return false
	case <-c.ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// Hold waits until the server ends the connection, or time is over.
func (c *Conn) Hold() {
	c.Listen()
	select {
	case <-c.ended:
	case <-c.ctx.Done():
	}
}

// parting is how long a server may take to say why it has ended a connection.
const parting = 500 * time.Millisecond

// Finish closes the connection and returns how it ended: what the server said of the
// connection, else of a stream, else of a response. Held is that it would have gone on.
func (c *Conn) Finish() End {
	c.Listen()
	// If a write has failed, or the script is over, the reason may be on its way.
	_ = c.conn.SetReadDeadline(time.Now().Add(parting))
	<-c.ended
	_ = c.conn.NetConn().Close() // without close_notify: nothing waits for the server
	c.mu.Lock()
	defer c.mu.Unlock()
	end := c.end
	if end.What == Held {
		end = End{What: Held, Frames: int(c.sent.Load()), After: time.Since(c.begun)}
	}
	return end
}

// Drop closes the connection: how it ends is of no interest.
func (c *Conn) Drop() {
	_ = c.conn.NetConn().Close()
	c.Listen()
	<-c.ended
}
