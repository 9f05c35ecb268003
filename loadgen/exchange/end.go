package exchange

// End is how far an exchange came. Every outcome has exactly one, and every
// count of a report is a sum of counts by End: text, JSON, page, metrics and
// objectives cannot disagree about what was answered.
type End uint8

// The ends.
const (
	Succeeded   End = iota // a whole response, of status 200 to 399
	Declined               // a whole response, of another status
	Broken                 // sent, and what came is no whole response: the connection or the stream ended, or the content is wrong
	Cut                    // sent, and its time was up before the response was whole
	Unsent                 // its time was up before it could be sent
	Unprocessed            // no server has worked on it: no connection could be made, or it was turned away
	Stopped                // the attack, or the agent that had it, ended before it did
	Ends
)

var endNames = [Ends]string{"succeeded", "declined", "broken", "cut", "unsent", "unprocessed", "stopped"}

func (e End) String() string { return endNames[e] }

// EndNames are the names of all ends, in the order of the constants.
func EndNames() []string { return endNames[:] }

// Answered reports whether a whole response came.
func (e End) Answered() bool { return e <= Declined }

// Late reports whether there is no answer because none came in time. How long
// such a request was waited for is the least that its answer would have taken, so
// it counts among latencies; how long others took to fail says nothing about
// answers.
func (e End) Late() bool { return e == Cut || e == Unsent }

// End is how far the exchange came.
func (o *Outcome) End() End {
	f := o.Failure
	switch {
	case f == nil && o.Status >= 200 && o.Status < 400:
		return Succeeded
	case f == nil:
		return Declined
	case f.Kind == Interrupted, f.Kind == Lost:
		return Stopped
	case f.Kind == Timeout && o.Sent == 0:
		return Unsent
	case f.Kind == Timeout:
		return Cut
	case f.Unprocessed, f.Kind <= ALPN:
		return Unprocessed
	}
	return Broken
}
