// Package conformance tests the server as a black box: the built program in
// front of an origin that answers by a script and records each byte it gets. It
// has tests alone.
//
//	cases_*_test.go     what a shared cache must, may and does do, as data
//	shapes_*_test.go    requests that are malformed or ambiguous, as data
//	script_test.go      the notation of the cases
//	case_test.go        plays a case, over HTTP/1.1 and over HTTP/2
//	check_test.go       compares what came of a request with what was wanted
//	origin_test.go      the scripted origin
//	recorded_test.go    what it reads of a request, strictly
//	server_test.go      starts the server; its sites are the settings of the cases
//	shapes_test.go      sends the shapes
//	table_test.go       the cases counted, in docs/conformance.md
//
// The cases follow the groups of the public tests of HTTP caches
// (https://cache-tests.fyi). Each names the section that it rests on, and its
// test's name begins with it: TestCases/RFC9111-5.2.2.2/must-revalidate-stale-h2.
// If a sentence names no document, RFC 9111 is meant. A case is required if the
// RFCs demand it or recommend it, optional if they allow it and it is what a cache
// is for, and a check if they leave it open: then what the server does is noted, so
// that a change is seen.
//
// Time is real, since the server is a process of its own. Responses are old
// because their Age or Date says so; the few cases that wait take two seconds at
// most, and all of them run at once.
package conformance
