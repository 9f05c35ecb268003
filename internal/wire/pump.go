package wire

import (
	"io"
	"time"
)

// pump serves a connection that has no descriptor to poll (net.Pipe in tests,
// or a platform without one): a goroutine reads, another turns. It keeps the
// turn's rules and has none of its speed.
type pump struct {
	chunks chan []byte   // from the reader, unbuffered
	woken  chan struct{} // a token for Wake
	done   chan struct{} // closed when the connection ends
	timer  *time.Timer
	unread []byte
	err    error // the reader's end
}

func (c *Conn) servePump() {
	p := &pump{
		chunks: make(chan []byte),
		woken:  make(chan struct{}, 1),
		done:   make(chan struct{}),
		timer:  time.NewTimer(time.Hour),
	}
	p.timer.Stop()
	c.pump = p
	defer close(p.done)
	go c.pumpReads(p)
	for !c.turn(0) {
		chunks := p.chunks
		if len(p.unread) > 0 {
			chunks = nil // the engine has put off reading
		}
		select {
		case chunk, ok := <-chunks:
			p.take(chunk, ok)
		case <-p.woken:
		case <-p.timer.C:
			c.armed = time.Time{}
		}
	}
	c.stopPump(p)
}

// stopPump ends the reader and keeps what it has read: the caller of Serve, or
// lingering, reads on.
func (c *Conn) stopPump(p *pump) {
	c.cipherRest = append(c.cipherRest, p.unread...)
	if p.chunks == nil {
		return // it has ended
	}
	if c.nc.SetReadDeadline(time.Unix(1, 0)) != nil {
		return // closed
	}
	for chunk := range p.chunks {
		c.cipherRest = append(c.cipherRest, chunk...)
	}
	_ = c.nc.SetReadDeadline(time.Time{}) // if it fails, so does the next read
}

// pumpReads ends when the connection is closed. p.err is set before chunks is
// closed, and read after.
func (c *Conn) pumpReads(p *pump) {
	defer close(p.chunks)
	for {
		chunk := make([]byte, maxRecord)
		n, err := c.nc.Read(chunk)
		if n > 0 {
			select {
			case p.chunks <- chunk[:n]:
			case <-p.done:
				return
			}
		}
		if err != nil {
			p.err = err
			return
		}
	}
}

// take notes what came from the reader, or that it has ended.
func (p *pump) take(chunk []byte, ok bool) {
	p.unread = chunk
	if !ok {
		p.chunks = nil
	}
}

func (p *pump) read(b []byte) (int, error) {
	if len(p.unread) == 0 && p.chunks != nil {
		select {
		case chunk, ok := <-p.chunks:
			p.take(chunk, ok)
		default:
			return 0, ErrWouldBlock
		}
	}
	if len(p.unread) > 0 {
		n := copy(b, p.unread)
		p.unread = p.unread[n:]
		return n, nil
	}
	if p.err == io.EOF {
		return 0, nil
	}
	return 0, p.err
}

func (p *pump) wake() {
	select {
	case p.woken <- struct{}{}:
	default: // a token is there
	}
}

func (p *pump) deadline(t time.Time) { p.timer.Reset(time.Until(t)) }
