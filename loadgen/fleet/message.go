package fleet

import (
	"encoding/gob"
	"fmt"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/e0ac7cd4/hotpath/loadgen/attack"
	"github.com/e0ac7cd4/hotpath/loadgen/exchange"
	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/pattern"
)

// version is of the messages and of all that agents must agree on: it rises
// whenever a message, attack.Config, or the order or the moments of an attack's
// requests change.
const version = 6

// hello opens both directions. It only ever gains fields, so that all versions
// can read each other's.
type hello struct {
	Version int
	Refusal string // the agent's reason not to serve; "": it does
}

// mismatch says that two sides cannot work together, if they cannot.
func mismatch(ours, theirs int) error {
	if ours == theirs {
		return nil
	}
	return fmt.Errorf("it speaks version %d of the protocol, and this is version %d: run the same release on all machines", theirs, ours)
}

// kind says what a message is, and which of its fields are set.
type kind uint8

const (
	// From the coordinator:
	kindStart kind = iota + 1 // Start
	kindBegin                 // In
	kindStop                  // end early, and report what there is
	kindPing                  // At

	// From the agent:
	kindReady    // all connections are made, or could not be
	kindInterval // Interval
	kindOutcomes // Outcomes
	kindDone     // Summary; the last one
	kindFailed   // Text; the last one
	kindPong     // At, as it was in the ping
)

var kindNames = map[kind]string{
	kindStart: "start", kindBegin: "begin", kindStop: "stop", kindPing: "ping", kindReady: "ready",
	kindInterval: "interval", kindOutcomes: "outcomes", kindDone: "done", kindFailed: "failed", kindPong: "pong",
}

func (k kind) String() string {
	if name := kindNames[k]; name != "" {
		return name
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// message is what follows the hello, in gob, which leaves out what is not set.
type message struct {
	Kind     kind
	Start    *start
	In       time.Duration // until moment 0, when the message arrives
	At       time.Duration // since the coordinator's start
	Interval *measure.Interval
	Outcomes []outcome
	Summary  *attack.Summary
	Text     string
}

// start asks for an attack.
type start struct {
	Config   attack.Config // with the agent's share
	Outcomes bool          // every outcome is wanted
}

// The pacers that attacks have a schedule for.
func init() {
	gob.Register(vegeta.ConstantPacer{})
	gob.Register(vegeta.LinearPacer{})
	gob.Register(vegeta.SinePacer{})
	gob.Register(attack.Stages{})
	gob.Register(attack.Replay{})
}

// outcome is an exchange.Outcome. Its moments need no translation: all agents
// have the same moment 0.
type outcome struct {
	Target            int
	Due, Sent, Ended  time.Duration
	First             time.Duration
	Last              time.Duration
	Seq               uint64
	Tries             int
	Status            int
	BytesIn, BytesOut int64
	Remarks           exchange.Remarks
	Cache             exchange.CacheNote
	Failure           *exchange.Failure
}

func toWire(o *exchange.Outcome) outcome {
	return outcome{
		Target: o.Request.Target, Due: o.Due, Sent: o.Sent, First: o.First, Ended: o.Ended, Seq: o.Seq, Tries: o.Tries, Last: o.Last,
		Status: o.Status, BytesIn: o.BytesIn, BytesOut: o.BytesOut, Remarks: o.Remarks, Cache: o.Cache, Failure: o.Failure,
	}
}

// fromWire needs the requests of all targets.
func fromWire(o *outcome, requests pattern.Requests) (exchange.Outcome, error) {
	if o.Target < 0 || o.Target >= requests.Len() {
		return exchange.Outcome{}, fmt.Errorf("an outcome of target %d of %d", o.Target, requests.Len())
	}
	if o.Failure != nil && int(o.Failure.Kind) >= len(exchange.Kinds()) {
		return exchange.Outcome{}, fmt.Errorf("an outcome with failure kind %d of %d", uint8(o.Failure.Kind), len(exchange.Kinds()))
	}
	return exchange.Outcome{
		Ticket: exchange.Ticket{Request: requests.Plain(o.Target), Due: o.Due, Seq: o.Seq, Tries: o.Tries, Last: o.Last},
		Sent:   o.Sent, First: o.First, Ended: o.Ended, Status: o.Status, BytesIn: o.BytesIn, BytesOut: o.BytesOut, Remarks: o.Remarks, Cache: o.Cache, Failure: o.Failure,
	}, nil
}
