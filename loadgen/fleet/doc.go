// Package fleet runs one attack on several machines. Each runs an agent
// ([Serve]); one, the coordinator ([Run]), shares the attack's connections out
// among them, has them begin at the same moment and merges what they report.
//
// An attack's schedule is global and every connection has its own requests of
// it, so a share of the connections is a share of the schedule: rate, number
// and order of the requests are those of one machine with all connections. What
// a connection does not have of the others it does not have here: with a digest
// of "first", each agent compares with the first content that itself got.
//
// # The way of an attack
//
//  1. token.go    both sides prove to each other that they have the token
//  2. link.go     messages: bounded, and each side notices the other's silence
//  3. worker.go   the coordinator's side of an agent; agent.go, session.go: the
//     agent's side
//  4. run.go      hello, Start with a share of the connections; when all agents
//     are ready, Begin with the time until moment 0, from which the way of the
//     message, half a round trip, is subtracted
//  5. spool.go    outcomes leave an agent in batches, if results are written
//  6. collect.go  what agents report is added up, and what is lost; merge.go:
//     intervals of the same second become one
//
// # What is lost
//
// An agent never goes on without its coordinator: when the connection breaks or
// is silent for 10 s, its attack ends, and it waits for the next coordinator.
// The coordinator goes on without an agent: what that had to send according to
// the schedule, until the attack's end, and has not reported becomes requests
// of failure kind Lost in a last interval, without latencies, which are not
// known. Of a closed loop it is not known either how many were lost: 1 is counted.
// Outcomes that were lost are in the counts alone, not among those that the
// hook is given.
//
// # Who may command an agent
//
// Whoever has the token can have an agent send any load anywhere; without
// it no command is accepted. Both sides derive the same Ed25519 key from the
// token by HKDF, present a certificate of it in TLS 1.3, and refuse whoever
// cannot sign with that key. The token is never sent.
//
// Whoever connects to an agent, or is connected to by a coordinator, is shown
// the public key, and can compare it with those of tokens that they guess, as
// fast as they can compute. So a token must not be guessable: [NewToken] makes
// one of 130 random bits, shorter ones than 20 characters are refused, and a
// phrase of 20 characters may still be too weak.
//
// Before the proof an agent decodes nothing but the handshake, which must end
// within 5 s; at most 16 connections are that far, others are closed at once.
// Whoever can reach the port can therefore keep coordinators out, and no
// more: it belongs on a network that one trusts for that.
package fleet
