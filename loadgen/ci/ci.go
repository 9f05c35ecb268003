// Package ci writes what a load test decided in the forms that continuous
// integration reads: JUnit's XML, which all of them show as tests, and Markdown,
// which GitHub shows as the summary of a job.
//
// A [Suite] is plain values; what writes it holds nothing and may be called
// concurrently.
package ci

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
)

// Suite is what one command decided.
type Suite struct {
	Name     string // "loadgen", "loadgen capacity", "loadgen compare"
	Subject  string // what was tested: an URL, or two files
	Result   string // a sentence; "": the cases say all
	Begin    time.Time
	Duration time.Duration
	Cases    []Case
	Columns  []string // of Rows
	Rows     [][]string
	Notes    []string // what a reader has to know beside it
}

// Case is one thing that was judged.
type Case struct {
	Name   string // "p99 <= 10ms"
	Got    string // "2.41ms"
	Failed bool
	// Skipped says why it was not judged; "": it was.
	Skipped string
	// Undecided says why there is no answer though one was asked for, which is no pass;
	// "": there is one.
	Undecided string
}

// Failed is how many cases failed.
func (s *Suite) Failed() (n int) {
	for _, c := range s.Cases {
		if c.Failed {
			n++
		}
	}
	return n
}

// count is how many cases have a text.
func (s *Suite) count(of func(Case) string) (n int) {
	for _, c := range s.Cases {
		if of(c) != "" {
			n++
		}
	}
	return n
}

func skipped(c Case) string { return c.Skipped }

func undecided(c Case) string { return c.Undecided }

type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string      `xml:"name,attr"`
		Tests     int         `xml:"tests,attr"`
		Failures  int         `xml:"failures,attr"`
		Errors    int         `xml:"errors,attr"`
		Skipped   int         `xml:"skipped,attr"`
		Time      string      `xml:"time,attr"` // seconds
		Timestamp string      `xml:"timestamp,attr,omitempty"`
		Cases     []junitCase `xml:"testcase"`
		Out       string      `xml:"system-out,omitempty"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitMessage `xml:"failure"`
		Error   *junitMessage `xml:"error"`
		Skipped *junitMessage `xml:"skipped"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes the suite as the XML of Ant's JUnit task, in the elements that
// Jenkins, GitLab and GitHub's actions read. Each case stands for the whole test,
// so its time is that of the test only in the first: sums are right. What is undecided
// is an error: the test ran and could not tell.
func JUnit(w io.Writer, s *Suite) error {
	seconds := fmt.Sprintf("%.3f", s.Duration.Seconds())
	suite := junitSuite{
		Name: clean(s.Name + ": " + s.Subject), Tests: len(s.Cases), Failures: s.Failed(), Errors: s.count(undecided), Skipped: s.count(skipped), Time: seconds,
		Out: clean(strings.Join(append(nonEmpty(s.Result), s.Notes...), "\n")),
	}
	if !s.Begin.IsZero() {
		suite.Timestamp = s.Begin.UTC().Format("2006-01-02T15:04:05")
	}
	for i, c := range s.Cases {
		one := junitCase{Class: clean(s.Name), Name: clean(c.Name), Time: "0.000"}
		if i == 0 {
			one.Time = seconds
		}
		switch {
		case c.Skipped != "":
			one.Skipped = &junitMessage{Message: clean(c.Skipped)}
		case c.Undecided != "":
			text := clean(c.Name + ": cannot say, " + c.Undecided + "; got " + c.Got)
			one.Error = &junitMessage{Message: text, Type: "undecided", Text: text}
		case c.Failed:
			text := clean(c.Name + ": got " + c.Got)
			one.Failure = &junitMessage{Message: text, Type: "objective", Text: text}
		default:
			one.Out = clean("got " + c.Got)
		}
		suite.Cases = append(suite.Cases, one)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(junitSuites{Tests: suite.Tests, Failures: suite.Failures, Errors: suite.Errors, Suites: []junitSuite{suite}}); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// nonEmpty is s in a slice, but for "".
func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// clean leaves out what XML 1.0 has no form for, and what moves a terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && (unicode.IsControl(r) || r == 0xFFFE || r == 0xFFFF) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// mark is the outcome of the suite: if nothing was judged, nothing passed.
func (s *Suite) mark() string {
	switch {
	case s.Failed() > 0:
		return "❌"
	case s.count(undecided) > 0:
		return "❔"
	case len(s.Cases) > 0 && s.count(skipped) == len(s.Cases):
		return "➖"
	}
	return "✅"
}

// Summary writes the suite in GitHub's Markdown.
func Summary(w io.Writer, s *Suite) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s %s: %s\n\n", s.mark(), text(s.Name), text(s.Subject))
	if s.Result != "" {
		fmt.Fprintf(&b, "%s\n\n", text(s.Result))
	}
	if len(s.Cases) > 0 {
		rows := make([][]string, len(s.Cases))
		for i, c := range s.Cases {
			outcome := "✅ met"
			switch {
			case c.Skipped != "":
				outcome = "➖ " + c.Skipped
			case c.Undecided != "":
				outcome = "❔ cannot say: " + c.Undecided
			case c.Failed:
				outcome = "❌ missed"
			}
			rows[i] = []string{c.Name, c.Got, outcome}
		}
		table(&b, []string{"Objective", "Got", "Outcome"}, rows)
	}
	if len(s.Rows) > 0 {
		table(&b, s.Columns, s.Rows)
	}
	for _, n := range s.Notes {
		fmt.Fprintf(&b, "- %s\n", text(n))
	}
	if len(s.Notes) > 0 {
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func table(b *strings.Builder, columns []string, rows [][]string) {
	line := func(cells []string) {
		for _, c := range cells {
			b.WriteString("| " + text(c) + " ")
		}
		b.WriteString("|\n")
	}
	line(columns)
	b.WriteString(strings.Repeat("|---", len(columns)) + "|\n")
	for _, r := range rows {
		line(r)
	}
	b.WriteByte('\n')
}

// escaped are the characters that Markdown, or HTML in it, gives a meaning. The
// slashes of a scheme are among them so that no URL becomes a link.
var escaped = strings.NewReplacer(
	"\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "#", "\\#",
	"|", "\\|", "~", "\\~", "@", "\\@", "&", "&amp;", "<", "&lt;", ">", "&gt;", "://", ":&#47;/", "\n", " ",
)

// text is s as Markdown that reads as s does, in a line.
func text(s string) string { return escaped.Replace(clean(s)) }
