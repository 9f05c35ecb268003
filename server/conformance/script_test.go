package conformance

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// testCase is a conversation: requests in turn, what the origin answers if it is
// asked, and what must come of each.
type testCase struct {
	section string // that it rests on: RFC9111-5.2.2.2
	name    string // unique
	kind    kind
	says    string // a sentence: what holds
	site    string // one of server_test.go's; "" is plain
	steps   []step
}

// kind is how much a case counts; see the package comment.
type kind uint8

const (
	required kind = iota
	optional
	check
)

func (k kind) String() string { return [...]string{"required", "optional", "check"}[k] }

// step is one request. Each part is a line whose members are separated by " | ".
type step struct {
	// ask is a method, a path below the case's own, and fields:
	//
	//	GET /a?b=c | accept: text/html | =content
	//
	// "" is "GET /".
	ask string

	// answer is what the origin answers: a status and fields. "" is "200".
	//
	//	200 | cache-control: max-age=60 | =content
	//
	// Content-Length, Date and content that names case and step come by
	// themselves. Further members:
	//
	//	@N        in a value: the date of now + N seconds
	//	{}        in a value: the path of the case
	//	-name     not even the field that comes by itself
	//	+name: v  a trailer; the content is chunked then
	//	chunked   the content is chunked
	//	cut       the connection ends before the content does
	//	until-end the content ends with the connection
	//	1.0       the version is HTTP/1.0
	//	close     the connection ends without an answer
	//	then ...  another answer, for what is asked after the first time
	//
	// Heads before the last, separated by " ;; ", are interim.
	answer string

	// want begins with how the request is answered:
	//
	//	asked      from the origin
	//	validated  from the origin, which was asked with a condition
	//	hit        from what is stored
	//	renewed    from what is stored, which the origin confirmed or replaces
	//	           behind the client's back
	//	stale      from what is stored: the origin was asked, and failed
	//	failed     not at all: the server answers 502 or 504 itself
	//	unasked    not from the origin
	//	broken     with a response that visibly ends too early
	//
	// and goes on with members:
	//
	//	name: v      the response has the field, its lines joined by ", "
	//	name: >=N    with a number of at least N
	//	name: =N     with the value that step N's response had
	//	!name        the response does not have it
	//	status N     if not that of the answer, or of what is stored
	//	of N         what is stored is that of step N's answer; else the latest
	//	=content     the content, if not that of the step that it comes from;
	//	             * is any
	//	sent ...     name: v or !name, of the request that the origin got
	//	sent METHOD  its method
	//	interim N    status of an interim response that came
	//	+name: v     a trailer
	want string

	after time.Duration // waited before
}

// once is two requests: what is answered first, and how the second is answered.
func once(section, name string, k kind, says, answer, want string) testCase {
	return testCase{section, name, k, says, "", []step{{answer: answer, want: "asked"}, {want: want}}}
}

// later is once with time between that makes a lifetime of a second stale.
func later(section, name string, k kind, says, answer, want string) testCase {
	return testCase{section, name, k, says, "", []step{{answer: answer, want: "asked"}, {want: want, after: 1100 * time.Millisecond}}}
}

// on puts a case on another site.
func on(site string, c testCase) testCase {
	c.site = site
	return c
}

// members splits a line.
func members(line string) []string {
	all := strings.Split(line, " | ")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return all
}

// cutField splits a member that is a field.
func cutField(member string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(member, ":")
	return strings.ToLower(name), strings.TrimSpace(value), ok
}

// withDates replaces @N by the date N seconds from now.
func withDates(value string, now time.Time) string {
	for {
		at := strings.IndexByte(value, '@')
		if at < 0 {
			return value
		}
		end := at + 1
		for end < len(value) && (value[end] == '-' || '0' <= value[end] && value[end] <= '9') {
			end++
		}
		n, err := strconv.Atoi(value[at+1 : end])
		if err != nil {
			return value
		}
		value = value[:at] + now.Add(time.Duration(n)*time.Second).UTC().Format(http.TimeFormat) + value[end:]
	}
}
