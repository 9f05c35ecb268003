package h2

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/e0ac7cd4/hotpath/internal/frame"
	"github.com/e0ac7cd4/hotpath/metrics"
)

// echo answers with the request's body, whole.
func echo(p *peer, w writer, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		p.Errorf("reading the body: %v", err)
	}
	_, _ = w.Write(b)
}

// discard reads the body and answers with its length, or the error.
func discard(_ *peer, w writer, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		http.Error(w, strconv.FormatInt(tooLarge.Limit, 10), http.StatusRequestEntityTooLarge)
		return
	}
	_, _ = w.WriteString(strconv.FormatInt(n, 10))
}

func TestRequestBody(t *testing.T) {
	for name, tt := range map[string]struct {
		length string
		frames [][]byte
		want   string
	}{
		"one frame":             {"", [][]byte{data(1, "body", true)}, "body"},
		"declared":              {"4", [][]byte{data(1, "body", true)}, "body"},
		"several frames":        {"4", [][]byte{data(1, "bo", false), data(1, "d", false), data(1, "y", true)}, "body"},
		"an empty end":          {"4", [][]byte{data(1, "body", false), data(1, "", true)}, "body"},
		"empty":                 {"0", [][]byte{data(1, "", true)}, ""},
		"padding":               {"4", [][]byte{raw(frame.Data, frame.FlagPadded|frame.FlagEndStream, 1, "\x02body\x00\x00")}, "body"},
		"ended by trailers":     {"4", [][]byte{data(1, "body", false), headers(1, true, "a", "b")}, "body"},
		"nothing but trailers":  {"", [][]byte{headers(1, true, "a", "b")}, ""},
		"the largest frame":     {"", [][]byte{data(1, strings.Repeat("x", frame.MinMaxSize), true)}, strings.Repeat("x", frame.MinMaxSize)},
		"empty trailer section": {"", [][]byte{data(1, "x", false), headers(1, true)}, "x"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{handler: echo}, func(p *peer) {
				var more []string
				if tt.length != "" {
					more = []string{"content-length", tt.length}
				}
				p.Write(post(1, "/", more...))
				for _, b := range tt.frames {
					p.Write(b)
				}
				p.wantBody(1, 200, tt.want)
			})
		})
	}
}

// TestContentLengthMismatch: DATA has to add up (RFC 9113 §8.1.1).
func TestContentLengthMismatch(t *testing.T) {
	for name, frames := range map[string][][]byte{
		"too much":               {data(1, "body+", true)},
		"too much, not the end":  {data(1, "body+", false)},
		"too little":             {data(1, "bod", true)},
		"nothing":                {data(1, "", true)},
		"too little by trailers": {data(1, "bod", false), headers(1, true, "a", "b")},
	} {
		t.Run(name, func(t *testing.T) {
			failed := false
			run(t, setup{handler: func(_ *peer, w writer, r *http.Request) {
				_, err := io.ReadAll(r.Body)
				failed = err != nil && err != io.EOF
			}}, func(p *peer) {
				p.Write(post(1, "/", "content-length", "4"))
				for _, b := range frames {
					p.Write(b)
				}
				p.WantReset(1, frame.ProtocolError)
				p.WantAlive()
				synctest.Wait()
				if !failed {
					p.Error("the handler took the part for the whole")
				}
			})
		})
	}
}

// TestUploadWindows: what the handler reads, and padding, is given back, on the
// stream and on the connection.
func TestUploadWindows(t *testing.T) {
	const total = 1 << 20
	run(t, setup{handler: discard}, func(p *peer) {
		p.Write(post(1, "/"))
		stream, conn := streamWindow, connWindow
		for sent := 0; sent < total; {
			const size = 10_000
			if stream < size || conn < size {
				synctest.Wait()
				before := p.Credit[0] + p.Credit[1]
				p.WantAlive() // takes the WINDOW_UPDATE frames on the way
				if p.Credit[0]+p.Credit[1] == before {
					p.Fatalf("nothing given back after %d bytes", sent)
				}
				stream, conn = streamWindow+p.Credit[1]-sent, connWindow-(connWindow-frame.InitialWindow)+p.Credit[0]-sent
				continue
			}
			p.Write(raw(frame.Data, frame.FlagPadded, 1, "\xff"+strings.Repeat("x", size-256)+strings.Repeat("\x00", 255)))
			sent += size
			stream -= size
			conn -= size
		}
		p.Write(data(1, "", true))
		p.wantResponse(1, 200)
	})
}

func TestStreamWindowOverrun(t *testing.T) {
	run(t, setup{handler: stall}, func(p *peer) {
		p.Write(post(1, "/"))
		<-p.entered
		for range streamWindow / frame.MinMaxSize {
			p.Write(data(1, strings.Repeat("x", frame.MinMaxSize), false))
		}
		p.WantAlive() // the window to its last byte
		p.Write(data(1, "x", false))
		p.WantReset(1, frame.FlowControlError)
		p.Write(frame.AppendPing(nil, false, []byte("12345678")))
		p.Want(frame.Ping, 0, frame.FlagAck)
		if got := p.Credit[0] - (connWindow - frame.InitialWindow); got != streamWindow && got != streamWindow+1 {
			p.Errorf("%d bytes given back to the connection, want %d", got, streamWindow+1)
		}
	})
}

func TestConnectionWindowOverrun(t *testing.T) {
	run(t, setup{handler: stall}, func(p *peer) {
		for id := uint32(1); id <= 5; id += 2 {
			p.Write(post(id, "/"))
		}
		for i := range connWindow / frame.MinMaxSize {
			p.Write(data(uint32(1+2*(i%2)), strings.Repeat("x", frame.MinMaxSize), false))
		}
		p.WantAlive()
		p.Write(data(5, "x", false))
		p.wantGoAway(frame.FlowControlError, metrics.CloseError)
	})
}

// TestUnreadBodiesAreGivenBack: bodies that no handler reads must not shrink
// the connection's window for good.
func TestUnreadBodiesAreGivenBack(t *testing.T) {
	for name, handle := range map[string]handler{
		"not read":          func(p *peer, _ writer, _ *http.Request) { <-p.release },
		"read in part":      func(p *peer, _ writer, r *http.Request) { _, _ = io.ReadFull(r.Body, make([]byte, 10)); <-p.release },
		"closed":            func(p *peer, _ writer, r *http.Request) { _ = r.Body.Close(); <-p.release },
		"closed afterwards": func(p *peer, _ writer, r *http.Request) { <-p.release; _ = r.Body.Close() },
		"panics":            func(p *peer, _ writer, _ *http.Request) { <-p.release; panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{handler: handle}, func(p *peer) {
				for id := uint32(1); id < 40; id += 2 {
					p.Write(post(id, "/"), data(id, strings.Repeat("x", frame.MinMaxSize), false))
					synctest.Wait()
					p.release <- struct{}{}
					p.wantResponseAndReset(id)
				}
				sent := 20 * frame.MinMaxSize
				if left := frame.InitialWindow + p.Credit[0] - sent; left < connWindow/2 {
					p.Errorf("%d bytes of the connection's window left", left)
				}
			})
		})
	}
}

// wantResponseAndReset reads a response that ends before its request
// (RFC 9113 §8.1).
func (p *peer) wantResponseAndReset(id uint32) {
	p.Helper()
	for f := p.NextFrame(); !f.Ends(); f = p.NextFrame() {
		if f.StreamID != id {
			p.Fatalf("%v", f.Header)
		}
	}
	p.WantReset(id, frame.NoError)
}

func TestBodyTooLarge(t *testing.T) {
	const limit = 100
	run(t, setup{handler: discard, limits: Limits{BodyBytes: limit}}, func(p *peer) {
		p.Write(post(1, "/"), data(1, strings.Repeat("x", limit), true))
		p.wantBody(1, 200, "100")
		p.wantBreaches(metrics.LimitBodySize, 0)

		p.Write(post(3, "/"), data(3, strings.Repeat("x", limit), false))
		p.WantSilence()
		p.Write(data(3, "x", false))
		p.wantBody(3, 413, "100\n")
		p.WantReset(3, frame.NoError)
		p.wantBreaches(metrics.LimitBodySize, 1)

		p.Write(post(5, "/"), data(5, strings.Repeat("x", limit+1), true))
		p.wantBody(5, 413, "100\n")
		p.wantBreaches(metrics.LimitBodySize, 2)
	})
}

// TestDeclaredBodyTooLarge is refused before any handler sees it, whatever part
// of the body has come with it.
func TestDeclaredBodyTooLarge(t *testing.T) {
	declared := []string{"content-length", "101"}
	for name, body := range map[string][]byte{
		"nothing yet":          nil,
		"a part":               data(1, "part", false),
		"the whole":            data(1, strings.Repeat("x", 101), true),
		"an empty end":         data(1, "", true),
		"trailers":             headers(1, true, "a", "b"),
		"more than the window": data(1, strings.Repeat("x", frame.MinMaxSize), false),
	} {
		t.Run(name, func(t *testing.T) {
			run(t, setup{limits: Limits{BodyBytes: 100}, handler: func(p *peer, _ writer, r *http.Request) {
				if r.ContentLength > 100 {
					p.Error("the handler was asked")
				}
			}}, func(p *peer) {
				p.Write(post(1, "/", declared...), body)
				p.wantResponse(1, 413)
				if h := frame.ParseHeader(append(body, make([]byte, frame.HeaderLen)...)); !h.Flags.Has(frame.FlagEndStream) {
					p.WantReset(1, frame.NoError)
				}
				p.wantBreaches(metrics.LimitBodySize, 1)
				p.Write(post(3, "/", "content-length", "100"))
				p.wantResponseAndReset(3)
			})
		})
	}
}

func TestReadDeadline(t *testing.T) {
	run(t, setup{handler: func(p *peer, w writer, r *http.Request) {
		c := http.NewResponseController(w)
		if err := c.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			p.Error(err)
		}
		start := time.Now()
		_, err := r.Body.Read(make([]byte, 10))
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Second {
			p.Errorf("%v after %v", err, time.Since(start))
		}
		if err := c.SetReadDeadline(time.Time{}); err != nil {
			p.Error(err)
		}
		_, _ = io.Copy(w, r.Body)
	}}, func(p *peer) {
		p.Write(post(1, "/"))
		time.Sleep(2 * time.Second)
		p.Write(data(1, "late", true))
		p.wantBody(1, 200, "late")
	})
}

// TestReadDeadlineWakesAReader that began to wait before it was set.
func TestReadDeadlineWakesAReader(t *testing.T) {
	run(t, setup{handler: func(p *peer, w writer, r *http.Request) {
		go func() {
			time.Sleep(time.Second)
			_ = http.NewResponseController(w).SetReadDeadline(time.Now())
		}()
		if _, err := r.Body.Read(make([]byte, 10)); !errors.Is(err, os.ErrDeadlineExceeded) {
			p.Errorf("%v", err)
		}
	}}, func(p *peer) {
		p.Write(post(1, "/"))
		p.wantResponse(1, 200)
		p.WantReset(1, frame.NoError)
	})
}

func TestBodyClosedByTheHandler(t *testing.T) {
	run(t, setup{handler: func(p *peer, w writer, r *http.Request) {
		read := make(chan error)
		go func() {
			_, err := r.Body.Read(make([]byte, 10))
			read <- err
		}()
		synctest.Wait()
		_ = r.Body.Close()
		if err := <-read; err != http.ErrBodyReadAfterClose {
			p.Errorf("a reader that waited got %v", err)
		}
		if _, err := r.Body.Read(make([]byte, 10)); err != http.ErrBodyReadAfterClose {
			p.Errorf("a reader that came later got %v", err)
		}
	}}, func(p *peer) {
		p.Write(post(1, "/"))
		p.wantResponse(1, 200)
		p.WantReset(1, frame.NoError)
	})
}

// TestBodyEndsWithItsStream: a reader that waits gets the cause as its error.
func TestBodyEndsWithItsStream(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func(*peer)
		want error
	}{
		"reset":      {func(p *peer) { p.Write(frame.AppendRSTStream(nil, 1, frame.Cancel)) }, errPeerReset},
		"connection": {func(p *peer) { p.Conn.Close() }, errPeerGone},
	} {
		t.Run(name, func(t *testing.T) {
			var got error
			run(t, setup{handler: func(p *peer, _ writer, r *http.Request) {
				_, got = io.Copy(io.Discard, r.Body)
			}}, func(p *peer) {
				p.Write(post(1, "/"), data(1, "part", false))
				synctest.Wait()
				tt.end(p)
				synctest.Wait()
				if !errors.Is(got, tt.want) {
					p.Errorf("%v, want %v", got, tt.want)
				}
			})
		})
	}
}
