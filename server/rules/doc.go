// Package rules is what a site demands of a request before anything of it is
// served, and what it changes of requests and answers.
//
//	request ─ Guard: maintenance ─ address ─ redirect ─ credentials ─▶ served   guard.go, redirect.go, users.go, attempts.go
//	             └──────────┴───────────┴─────────┴─▶ the answer in its place
//	request to the origin ◀─ Fields                                             fields.go
//	answer ─ Answers: fields, error pages ─▶ client                             answers.go, pages.go, reply.go
//
// A stored response has its rules in it: [Answers.Rewrite] is called when it is
// stored, so that a hit costs no more. A [Guard] binds hits as well. Its
// [Guard.Passes] is on their way: it neither blocks nor allocates. [Guard.Answer]
// may compute for as long as a password takes, and wait for its turn to.
//
// All types are safe for concurrent use once they are made, and immutable but for
// [Users], which follow a file.
package rules
