package report

import (
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/e0ac7cd4/hotpath/loadgen/measure"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
)

// LiveOptions configures a Live.
type LiveOptions struct {
	Terminal bool          // one line, redrawn in place; else plain lines without control characters
	Color    bool          // on a terminal
	Width    func() int    // columns of the terminal; nil or a result below 1: 80
	Duration time.Duration // of the attack; 0: not known
	Requests uint64        // of the attack; 0: not known
}

// Live shows an attack while it runs. A terminal has one line that is redrawn
// with every point and loses the least important fields if it is narrow.
// Elsewhere a line is written each second at first, then less often: 124 for an
// hour. A line that stands for several seconds has their mean rate and the
// latencies of their worst. It shows one attack after the other, if there are
// several.
//
// It belongs to one goroutine at a time. What cannot be written is lost: the
// report after the attack says it all again.
type Live struct {
	w io.Writer
	o LiveOptions

	begin            time.Duration // of the last point
	last             measure.Point // that a terminal shows
	requests, failed uint64
	widest           [liveFields][2]int // columns of every field's forms so far: see steady
	drawn            bool               // the terminal's line is not empty

	span measure.Point // since the last plain line
	next time.Duration // when the next one is due
}

// NewLive makes a Live that writes to w.
func NewLive(w io.Writer, o LiveOptions) *Live {
	l := &Live{w: w, o: o}
	l.restart()
	return l
}

// restart forgets the points of an attack.
func (l *Live) restart() {
	l.begin, l.next = -1, time.Second
	l.requests, l.failed = 0, 0
	l.span = measure.Point{}
}

// LiveTo makes a Live that writes to f and finds out what f is: Terminal, Color
// and Width of o are set by it. A terminal that is called dumb gets plain lines;
// NO_COLOR means what https://no-color.org says.
func LiveTo(f *os.File, o LiveOptions) *Live {
	o.Terminal = term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
	o.Color = os.Getenv("NO_COLOR") == ""
	o.Width = func() int {
		width, _, _ := term.GetSize(int(f.Fd())) // 0 with an error
		return width
	}
	return NewLive(f, o)
}

// Phase shows what is being done outside of the attack proper: "warming up".
func (l *Live) Phase(text string) {
	text = human.Line(text)
	if !l.o.Terminal {
		l.write(text + "\n")
		return
	}
	if runes := []rune(text); len(runes) > l.columns() {
		text = string(runes[:l.columns()])
	}
	l.draw(text)
}

// Point shows what a second measured. One that does not begin after the last is
// the first of another attack.
func (l *Live) Point(p measure.Point) {
	if p.Begin <= l.begin {
		l.restart()
	}
	l.begin = p.Begin
	l.requests += p.Requests
	l.failed += p.Failed
	if l.o.Terminal {
		if p.Brief() { // the line is about the last second
			in := p.InFlight
			p = l.last
			p.InFlight = in
		}
		l.last = p
		l.draw(l.line(p))
		return
	}
	l.gather(p)
	at := l.elapsed(p).Round(time.Second) // points end a little beside the second
	if at < l.next {
		return
	}
	l.write(l.plain() + "\n")
	l.span = measure.Point{}
	every := livePause(at)
	l.next = at.Truncate(every) + every
}

// Done empties the terminal's line. Plain lines stay.
func (l *Live) Done() {
	if l.drawn {
		l.draw("")
		l.drawn = false
	}
}

// write ignores errors: see Live.
func (l *Live) write(text string) { _, _ = io.WriteString(l.w, text) }

// draw replaces the line. Wrapping at the margin (DECAWM) is off meanwhile: a
// terminal that has just been made narrower, or has wide block elements, cuts
// the line instead of starting another one.
func (l *Live) draw(text string) {
	l.write("\r\x1b[?7l" + text + "\x1b[K\x1b[?7h")
	l.drawn = true
}

// columns is how long the line may be. It leaves the last column free: there
// terminals differ in what erasing to the end of the line erases.
func (l *Live) columns() int {
	width := 0
	if l.o.Width != nil {
		width = l.o.Width()
	}
	if width < 1 {
		width = 80
	}
	return max(width-1, 1)
}

// The fields of a terminal's line, from left to right.
const (
	liveBar = iota
	liveTime
	liveRate
	liveP50
	liveP99
	liveErrors
	liveFlight
	liveFields
)

// liveDrops are the fields that take their next shorter form, in this order,
// until the line fits. The rate that is reached stays.
var liveDrops = [...]int{liveFlight, liveP50, liveRate, liveBar, liveTime, liveP99, liveTime, liveErrors}

// liveField is a field with its forms, from the longest; "" is left out.
type liveField struct {
	forms []string
	color string
}

// Colours, as parameters of SGR.
const (
	liveCyan   = "36"
	liveRed    = "31"
	liveYellow = "33"
)

// liveBehind is the share of the rate asked for below which the rate reached
// is shown as a warning: single seconds miss by a few percent on any machine.
const liveBehind = 0.95

// liveGap is what stands between two fields.
const liveGap = "  "

// line is the terminal's line for a point.
func (l *Live) line(p measure.Point) string {
	share, bounded := l.share(l.elapsed(p))
	f := l.fields(p, share, bounded)
	columns := l.columns()
	for _, drop := range liveDrops {
		if liveWidth(&f) <= columns {
			break
		}
		if forms := f[drop].forms; len(forms) > 1 {
			f[drop].forms = forms[1:]
		}
	}
	spare := columns - liveWidth(&f)
	if spare < 0 {
		return strings.TrimRight(string([]rune(f[liveRate].forms[0])[:columns]), " ")
	}
	if f[liveBar].forms[0] != "" {
		f[liveBar].forms[0] = liveBarText(share, min(liveBarLeast+spare, liveBarMost))
	}
	return l.join(&f)
}

// fields are the fields of a point. The bar has its least width, and is empty.
func (l *Live) fields(p measure.Point, share float64, bounded bool) [liveFields]liveField {
	elapsed, reached := liveClock(l.elapsed(p)), human.Rate(p.Rate())
	f := [liveFields]liveField{
		liveTime:   {forms: []string{elapsed, elapsed, ""}},
		liveRate:   {forms: []string{reached, reached}},
		liveP50:    {forms: []string{"p50 " + human.Duration(p.P50), ""}},
		liveP99:    {forms: []string{"p99 " + human.Duration(p.P99), ""}},
		liveErrors: {forms: []string{"errors " + human.Count(l.failed), ""}},
		liveFlight: {forms: []string{"in flight " + human.Count(uint64(max(p.InFlight, 0))), ""}},
		liveBar:    {forms: []string{""}},
	}
	switch {
	case l.o.Duration > 0:
		f[liveTime].forms[0] += "/" + liveTotal(l.o.Duration)
	case bounded:
		f[liveTime].forms[0] += " " + strconv.Itoa(int(share*100)) + "%"
	}
	if bounded {
		f[liveBar] = liveField{[]string{strings.Repeat(" ", liveBarLeast), ""}, liveCyan}
	}
	if p.Asked > 0 {
		f[liveRate].forms[0] = strings.TrimSuffix(human.Rate(p.Asked), "/s") + " → " + reached
		if p.Rate() < liveBehind*p.Asked {
			f[liveRate].color = liveYellow
		}
	}
	if l.failed > 0 {
		f[liveErrors].color = liveRed
	}
	for i := range f {
		for k, text := range f[i].forms {
			if text != "" {
				f[i].forms[k] = l.steady(i, k, text)
			}
		}
	}
	return f
}

// steady pads a field's text to the longest that it has had in this form.
func (l *Live) steady(field, form int, text string) string {
	n := utf8.RuneCountInString(text)
	widest := &l.widest[field][form]
	*widest = max(*widest, n)
	return text + strings.Repeat(" ", *widest-n)
}

// join puts the fields together, in colour if there is one.
func (l *Live) join(f *[liveFields]liveField) string {
	var b strings.Builder
	for i := range f {
		text := f[i].forms[0]
		if text == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(liveGap)
		}
		if l.o.Color && f[i].color != "" {
			shown := strings.TrimRight(text, " ")
			text = "\x1b[" + f[i].color + "m" + shown + "\x1b[39m" + text[len(shown):]
		}
		b.WriteString(text)
	}
	return strings.TrimRight(b.String(), " ")
}

// liveWidth is the columns that the fields take together.
func liveWidth(f *[liveFields]liveField) int {
	width := -len(liveGap)
	for i := range f {
		if text := f[i].forms[0]; text != "" {
			width += len(liveGap) + utf8.RuneCountInString(text)
		}
	}
	return width
}

// elapsed is the end of a point. The last one waits for responses a little
// beyond the end of the attack, which is not worth a second more.
func (l *Live) elapsed(p measure.Point) time.Duration {
	end := p.Begin + p.Length
	if total := l.o.Duration; total > 0 && end > total && end < total+time.Second {
		return total
	}
	return end
}

// share is the part of the attack that is behind, 0 to 1, if its end is
// known: by time or by requests, whichever comes first.
func (l *Live) share(elapsed time.Duration) (share float64, known bool) {
	if l.o.Duration > 0 {
		share = float64(elapsed) / float64(l.o.Duration)
	}
	if l.o.Requests > 0 {
		share = max(share, float64(l.requests)/float64(l.o.Requests))
	}
	return min(max(share, 0), 1), l.o.Duration > 0 || l.o.Requests > 0
}

// gather adds a point to those that the next plain line stands for.
func (l *Live) gather(p measure.Point) {
	s := &l.span
	asked := s.Asked*s.Length.Seconds() + p.Asked*p.Length.Seconds()
	s.Length += p.Length
	if s.Length > 0 {
		s.Asked = asked / s.Length.Seconds()
	}
	s.Begin = p.Begin + p.Length - s.Length
	s.Requests, s.Failed = s.Requests+p.Requests, s.Failed+p.Failed
	s.P50, s.P99 = max(s.P50, p.P50), max(s.P99, p.P99)
}

// plain is the line for what was gathered.
func (l *Live) plain() string {
	s := &l.span
	asked := ""
	if s.Asked > 0 {
		asked = "asked " + human.Rate(s.Asked)
	}
	var fields []string
	for i, text := range [liveFields]string{
		fmt.Sprintf("%*s", max(4, len(liveClock(l.o.Duration))), liveClock(l.elapsed(*s))),
		asked,
		"reached " + human.Rate(s.Rate()),
		"p50 " + human.Duration(s.P50),
		"p99 " + human.Duration(s.P99),
		"errors " + human.Count(l.failed),
	} {
		if text != "" {
			fields = append(fields, l.steady(i, 0, text))
		}
	}
	return strings.TrimRight(strings.Join(fields, liveGap), " ")
}

// livePause is the time between two plain lines, that long after the start.
func livePause(elapsed time.Duration) time.Duration {
	switch {
	case elapsed < 10*time.Second:
		return time.Second
	case elapsed < time.Minute:
		return 5 * time.Second
	case elapsed < 10*time.Minute:
		return 10 * time.Second
	}
	return time.Minute
}

// The columns of a bar, its ends included: below the least it says nothing,
// and beyond the most it only moves the numbers away.
const (
	liveBarLeast = 10
	liveBarMost  = 32
)

// liveBarText is a bar with a share of it filled, in eighths of a column.
func liveBarText(share float64, columns int) string {
	inner := columns - 2
	eighths := int(math.Round(share * float64(inner*8)))
	bar := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		bar += string(rune('█' + 8 - rest)) // U+2588 is full, U+258F an eighth
	}
	return "▕" + bar + strings.Repeat(" ", inner-utf8.RuneCountInString(bar)) + "▏"
}

// liveClock is an elapsed time in whole seconds: "5s", "1m05s", "2h00m07s".
func liveClock(d time.Duration) string {
	seconds := int(d.Round(time.Second) / time.Second)
	switch {
	case seconds < 60:
		return fmt.Sprintf("%ds", seconds)
	case seconds < 3600:
		return fmt.Sprintf("%dm%02ds", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%dh%02dm%02ds", seconds/3600, seconds/60%60, seconds%60)
}

// liveTotal is liveClock, exact if d is not whole seconds.
func liveTotal(d time.Duration) string {
	if d%time.Second != 0 {
		return d.String()
	}
	return liveClock(d)
}
