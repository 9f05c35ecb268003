package conformance

import (
	"fmt"
	"slices"
)

// statuses is RFC 9111 §3 and §4.2.2, RFC 9110 §15.1.
var statuses = slices.Concat([]testCase{
	once("RFC9111-3.3", "status-206", required, "A 206 without a request for a range is not stored as a whole (§3.3).", "206 | cache-control: max-age=3600 | content-range: bytes 0-3/10 | =0123", "asked"),
	{"RFC9111-4.3.3", "status-304", required, "A 304 to a request without a condition is an error, and not stored (§4.3.3).", "", []step{
		{answer: "304 | cache-control: max-age=3600", want: "failed"},
		{want: "asked"},
	}},
	once("RFC9111-3", "status-412", required, "A 412 speaks of the request alone.", "412 | cache-control: max-age=3600", "asked"),
	once("RFC9111-3", "status-416", required, "So does a 416.", "416 | cache-control: max-age=3600 | content-range: bytes */10", "asked"),
	once("RFC6585-3", "status-428", required, "428 is not stored (RFC 6585 §3).", "428 | cache-control: max-age=3600", "asked"),
	once("RFC6585-4", "status-429", required, "429 is not stored (RFC 6585 §4).", "429 | cache-control: max-age=3600", "asked"),
	once("RFC6585-5", "status-431", required, "431 is not stored (RFC 6585 §5).", "431 | cache-control: max-age=3600", "asked"),
	once("RFC6585-6", "status-511", required, "511 is not stored (RFC 6585 §6).", "511 | cache-control: max-age=3600", "asked"),
	once("RFC9111-4.2.2", "heuristic-off", check, "Without heuristics a response with Last-Modified is validated.", "200 | last-modified: @-864000", "validated"),
	once("RFC9111-5.2.2.9", "public-alone", check, "public alone is no lifetime.", "200 | cache-control: public", "asked"),
	once("RFC9111-3", "attachment", check, "Content-Disposition does not matter.", fresh+" | content-disposition: attachment; filename=a.txt", "hit"),
	on("heuristic", once("RFC9111-4.2.2", "heuristic-attachment", check, "Nor does it to heuristics.", "200 | last-modified: @-864000 | content-disposition: attachment", "hit")),
	on("heuristic", once("RFC9111-4.2.2", "heuristic-5", check, "A tenth of 5 s is no second.", "200 | last-modified: @-5", "validated")),
	on("heuristic", once("RFC9111-4.2.2", "heuristic-600", check, "A tenth of 600 s is a minute.", "200 | last-modified: @-600", "hit")),
	on("heuristic", once("RFC9111-4.2.3", "heuristic-600-age", required, "Age counts against it.", "200 | last-modified: @-600 | age: 61", "validated")),
	on("heuristic", once("RFC9111-4.2.2", "heuristic-explicit", required, "There are no heuristics beside max-age.", "200 | last-modified: @-864000 | cache-control: max-age=0", "validated")),
	on("heuristic", once("RFC9111-4.2.2", "heuristic-expires", required, "Nor beside Expires.", "200 | last-modified: @-864000 | expires: 0", "validated")),
	on("heuristic", once("RFC9111-4.2.2", "heuristic-no-store", required, "Nor with no-store.", "200 | last-modified: @-864000 | cache-control: no-store", "asked")),
	on("heuristic", once("RFC9111-4.2.2", "heuristic-pragma", check, "Pragma in a response means nothing to them.", "200 | last-modified: @-864000 | pragma: no-cache", "hit")),
	on("defaults", once("RFC9111-4.2.2", "default-fresh", check, "A site may have a lifetime for what says nothing.", "200", "hit")),
	on("defaults", once("RFC9111-4.2.2", "default-fresh-explicit", required, "What the origin says goes before it.", "200 | cache-control: max-age=0", "asked")),
	on("defaults", once("RFC9111-4.2.2", "negative-404", check, "It may have one for errors.", "404", "hit")),
	on("defaults", once("RFC9111-3", "negative-500", required, "Other errors are not stored.", "500", "asked")),
	on("defaults", once("RFC9111-4.2.2", "negative-explicit", required, "What the origin says of an error goes before it.", "404 | cache-control: no-store", "asked")),
}, explicit(), provoked(), estimated())

// provoked are errors that speak of the request, which any client can have the
// origin answer.
func provoked() (cases []testCase) {
	for _, status := range []int{400, 408, 411, 413, 414, 415, 417, 421, 425, 426} {
		cases = append(cases, once("RFC9111-3", fmt.Sprintf("status-%d", status), check,
			fmt.Sprintf("A %d is not stored: any client can provoke it.", status), fmt.Sprintf("%d | cache-control: max-age=3600", status), "asked"))
	}
	return append(cases,
		on("heuristic", once("RFC9111-4.2.2", "heuristic-414", check, "Nor is a 414 for a tenth of its age.", "414 | last-modified: @-864000", "asked")))
}

// explicit are responses of every status with a lifetime, and without one left.
func explicit() (cases []testCase) {
	for _, status := range []int{200, 203, 204, 299, 301, 302, 303, 307, 308, 403, 404, 405, 410, 451, 499, 500, 501, 502, 503, 504, 599} {
		cases = append(cases,
			once("RFC9111-3", fmt.Sprintf("status-%d-fresh", status), optional, fmt.Sprintf("A %d with a lifetime is reused.", status),
				fmt.Sprintf("%d | cache-control: max-age=3600", status), "hit"),
			once("RFC9111-4.2", fmt.Sprintf("status-%d-stale", status), required, fmt.Sprintf("A stale %d is not.", status),
				fmt.Sprintf("%d | cache-control: max-age=60 | age: 100", status), "asked"))
	}
	return cases
}

// estimated are those with a date alone.
func estimated() (cases []testCase) {
	for _, status := range []int{200, 203, 204, 300, 301, 308, 404, 405, 410, 501} {
		cases = append(cases, on("heuristic", once("RFC9111-4.2.2", fmt.Sprintf("heuristic-%d", status), optional,
			fmt.Sprintf("A %d may be fresh for a tenth of its age (§4.2.2).", status), fmt.Sprintf("%d | last-modified: @-864000", status), "hit")))
	}
	for _, status := range []int{201, 202, 302, 303, 307, 403, 499, 500, 502, 503, 504, 599} {
		cases = append(cases, on("heuristic", once("RFC9111-4.2.2", fmt.Sprintf("heuristic-%d", status), required,
			fmt.Sprintf("A %d may not.", status), fmt.Sprintf("%d | last-modified: @-864000", status), "asked")))
	}
	return append(cases, on("heuristic", once("RFC9111-5.2.2.9", "heuristic-599-public", optional,
		"With public it may.", "599 | last-modified: @-864000 | cache-control: public", "hit")))
}
