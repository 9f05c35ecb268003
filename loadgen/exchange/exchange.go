package exchange

import "time"

// Ticket is a request that is to be sent once, at a moment.
type Ticket struct {
	Request *Request
	Due     time.Duration // from here its latency runs, whenever it is sent
	Seq     uint64        // its number among those that are measured, from 0
	Tries   int           // how often a server has turned it away unprocessed
	Last    time.Duration // when it was sent the last time; 0: never
}

// OutOfTime is the outcome of a ticket whose time was up before it was sent, or was
// sent again.
func (t *Ticket) OutOfTime(now time.Duration) Outcome {
	why := NeverSent
	if t.Last > 0 {
		why = NotAgain
	}
	return Outcome{Ticket: *t, Sent: t.Last, Ended: now, Failure: why}
}

// Outcome is how an exchange ended.
type Outcome struct {
	Ticket
	Sent     time.Duration // when it was handed to the socket; 0: never
	First    time.Duration // when the first byte of the response was read; 0: none was
	Ended    time.Duration
	Status   int   // 0: no response came
	BytesIn  int64 // of the response's content
	BytesOut int64 // of the request's content
	Remarks  Remarks
	Cache    CacheNote
	Failure  *Failure
}

// Latency is the response time: from the moment the request was due.
func (o *Outcome) Latency() time.Duration { return o.Ended - o.Due }

// Service is the time from sending to the end. It hides how long the request
// had to wait to be sent.
func (o *Outcome) Service() time.Duration { return o.Ended - o.Sent }

// Waiting is from when it was sent until the first byte of its response.
func (o *Outcome) Waiting() time.Duration { return o.First - o.Sent }

// Succeeded reports whether the response came whole, with a status from 200 to
// 399: what vegeta counts as success.
func (o *Outcome) Succeeded() bool { return o.End() == Succeeded }

// Driver decides what a connection sends and receives the outcomes. One
// goroutine at a time calls it: the connection's.
type Driver interface {
	// Next takes a ticket that is due at now, if there is one.
	Next(now time.Duration) (t Ticket, ok bool)

	// Done takes an outcome: valid during the call.
	Done(o *Outcome)

	// Again takes back a ticket that the server certainly has not processed
	// (RFC 9113 §8.7), or may not have if the request does no harm twice
	// (RFC 9110 §9.2.2): Next hands it out again, or it becomes an outcome
	// with failure.
	Again(t Ticket, failure *Failure)

	// Rest ends a turn. It says when Next will have a ticket at the latest, 0
	// for not before Done, and whether it will ever have one.
	Rest(now time.Duration) (until time.Duration, more bool)

	// Full says, behind Rest, by when a connection that has no room for a
	// ticket must have a turn all the same, though nothing comes: 0 for not
	// before its requests are over.
	Full() time.Duration
}

// Config is what the connections of an attack share.
type Config struct {
	Epoch   time.Time     // moment 0
	Streams int           // requests in flight on a connection
	Once    bool          // a connection has one request
	Timeout time.Duration // from the moment a request was due
	Digests *Digests      // what bodies must be; nil: not looked at
	Strict  bool          // what would be a remark of Forbidden is a failure

	// ETag is given the ETag of each response with status 200 or 304: valid during
	// the call, which may come from any goroutine. nil: it is not looked at.
	ETag func(r *Request, tag []byte)
}

// Now is the moment of t.
func (c *Config) Now(t time.Time) time.Duration { return t.Sub(c.Epoch) }
