package remotewrite

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/snappy"
)

const (
	// maxQueue is how many requests wait: half a minute of one each second, some
	// 10 KiB each.
	maxQueue = 32
	// tryTime is the time of a try, and closeTime that for what is left at the end.
	tryTime, closeTime = 5 * time.Second, 10 * time.Second
	// Between tries it waits for firstWait, and twice as long each time, up to mostWait.
	firstWait, mostWait = 250 * time.Millisecond, 5 * time.Second
	// maxAnswer is how much is read of an answer, and maxReason what of it is said.
	maxAnswer, maxReason = 4 << 10, 200
)

// Sender sends requests one after the other, in order.
type Sender struct {
	url    string // without user and password
	header http.Header
	client *http.Client
	ctx    context.Context // ends what is under way
	cancel context.CancelFunc
	ended  chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	queue   [][]byte
	closing bool
	wake    chan struct{} // has one if there is something new for the goroutine
	lost    int
	why     error // of the last that was lost
}

// Check says what is wrong with the URL of a receiver.
func Check(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("is no URL") // its text may have a password
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return errors.New("must be an http or https URL, such as http://prometheus:9090/api/v1/write")
	}
	return nil
}

// New makes a Sender to a URL that Check has passed. Its user and password go into
// Authorization, unless header, fields of each request, has one.
func New(to string, header http.Header, agent string) (*Sender, error) {
	u, err := url.Parse(to)
	if err != nil {
		return nil, fmt.Errorf("remote write: %w", Check(to))
	}
	s := &Sender{header: header.Clone(), ended: make(chan struct{}), wake: make(chan struct{}, 1)}
	if s.header == nil {
		s.header = make(http.Header)
	}
	if user := u.User; user != nil {
		password, _ := user.Password()
		r := http.Request{Header: make(http.Header)}
		r.SetBasicAuth(user.Username(), password)
		if s.header.Get("Authorization") == "" {
			s.header.Set("Authorization", r.Header.Get("Authorization"))
		}
		u.User = nil
	}
	s.url = u.String()
	for name, value := range map[string]string{
		"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy",
		"X-Prometheus-Remote-Write-Version": "0.1.0", "User-Agent": agent,
	} {
		s.header.Set(name, value)
	}
	s.client = &http.Client{
		Timeout:       tryTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	go s.run()
	return s, nil
}

// Send has a WriteRequest sent. It waits for nothing: if too many wait, the oldest of
// them is lost.
func (s *Sender) Send(request []byte) {
	block := snappy.Encode(nil, request)
	s.mu.Lock()
	if len(s.queue) == maxQueue {
		s.queue = s.queue[1:]
		s.lose(errors.New("it takes them more slowly than they come"))
	}
	s.queue = append(s.queue, block)
	s.mu.Unlock()
	s.nudge()
}

// Close sends what waits, for closeTime at most, and returns what was lost since New.
func (s *Sender) Close() error {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	s.nudge()
	timer := time.AfterFunc(closeTime, s.cancel)
	<-s.ended
	timer.Stop()
	s.cancel()
	s.client.CloseIdleConnections()
	s.mu.Lock()
	defer s.mu.Unlock()
	for range s.queue {
		s.lose(cmp.Or(s.why, errLate))
	}
	s.queue = nil
	if s.lost == 0 {
		return nil
	}
	return fmt.Errorf("the metrics of %d moments were not taken by %s: %w", s.lost, s.url, s.why)
}

// errLate is why requests are lost for which there was no time at the end.
var errLate = fmt.Errorf("it takes more than %v", closeTime)

// lose counts one that is lost. s.mu is held.
func (s *Sender) lose(why error) { s.lost, s.why = s.lost+1, why }

func (s *Sender) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run sends until it is closed and nothing waits, or its time is over.
func (s *Sender) run() {
	defer close(s.ended)
	for {
		s.mu.Lock()
		var block []byte
		if len(s.queue) > 0 {
			block, s.queue = s.queue[0], s.queue[1:]
		}
		closing := s.closing
		s.mu.Unlock()
		switch {
		case block != nil:
			if err := s.deliver(block); err != nil {
				s.mu.Lock()
				s.lose(err)
				s.mu.Unlock()
			}
			if s.ctx.Err() != nil {
				return
			}
		case closing:
			return
		default:
			<-s.wake
		}
	}
}

// deliver tries until a request is taken or refused.
func (s *Sender) deliver(block []byte) error {
	for wait := firstWait; ; wait = min(2*wait, mostWait) {
		again, err := s.try(block)
		if err == nil || !again {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-s.ctx.Done():
			timer.Stop()
			return err
		}
	}
}

// try sends a request once. If it is not taken, again says whether it may be later
// (the protocol's "retries": 5xx, 429, and errors on the way).
func (s *Sender) try(block []byte) (again bool, err error) {
	req, err := http.NewRequestWithContext(s.ctx, http.MethodPost, s.url, bytes.NewReader(block))
	if err != nil {
		return false, err
	}
	req.Header = s.header.Clone()
	resp, err := s.client.Do(req)
	if err != nil {
		var about *url.Error // its text has the URL again
		if errors.As(err, &about) {
			err = about.Err
		}
		return s.ctx.Err() == nil, err
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // it only explains
	if resp.StatusCode/100 == 2 {
		return false, nil
	}
	reason := strings.Join(strings.Fields(string(text)), " ")
	if len(reason) > maxReason {
		reason = reason[:maxReason] + "…"
	}
	return resp.StatusCode/100 == 5 || resp.StatusCode == http.StatusTooManyRequests, fmt.Errorf("%s %q", resp.Status, reason)
}
