package limit

import "time"

// Bucket is a token bucket of which all that is kept is one word: the generic
// cell rate algorithm (ITU-T I.371). Each event takes a token. A bucket holds a
// burst of them at most, and gets so many back in a second.
//
// The word is the time at which the bucket is full again, so one that is not
// after now says nothing, and need not be kept.
type Bucket struct {
	interval int64 // in which a token comes back, ns
	depth    int64 // in which all of them do, ns
}

// NewBucket makes a bucket of perSecond and burst tokens, each at least 1 and at
// most 1e9 and 1e9.
func NewBucket(perSecond, burst int) Bucket {
	interval := int64(time.Second) / int64(perSecond)
	return Bucket{interval, interval * int64(burst)}
}

// Take takes a token at now, in ns, and returns the new word. It reports false,
// and changes nothing, if there is none.
func (b Bucket) Take(word, now int64) (next int64, ok bool) {
	next = max(word, now) + b.interval
	if next-now > b.depth {
		return word, false
	}
	return next, true
}
