// Package attack sends requests at the moments when they are due, whatever the
// server does, and measures from those moments: an open loop. Without a rate it
// keeps every connection full: a closed loop.
//
// # The way of a request
//
//  1. schedule.go   when request n of the attack is due
//  2. sequence.go   which connection it belongs to: fixed before the attack
//     begins, so that connections, and machines, need not agree while it runs
//  3. driver.go     the connection takes what is due, and reports the outcome
//     (early.go: also before moment 0 is known)
//  4. h2client, h1client: sending and receiving
//  5. recorder.go   outcomes are tallied, and summed up once a second
//
// growth.go gives a lane more connections when its own are full, lifespan.go keeps
// connections that the server ends early from being sent too much.
//
// connection.go makes connections and makes them again: where they go is in
// route.go, redirect.go, names.go and proxy.go, how in dial.go. attack.go begins it all,
// watch.go reports each second and ends it.
//
// # What is never dropped
//
// Every request of the schedule becomes exactly one outcome: answered, failed
// by some kind, timed out (also if it could never be sent), or interrupted.
// A request that is sent late is late from the moment it was due.
package attack
